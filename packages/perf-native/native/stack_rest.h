// Completes the user stacks of samples. The kernel copies a stack with page faults off, so its copy ends at the first page
// that nobody has touched yet: after an execve the strings of the arguments often lie behind such a page. Reading the
// process's memory right away, with page faults, gets what is missing as long as the process lives.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <deque>
#include <functional>
#include <utility>
#include <vector>

#include "kernel_ring.h"
#include "sample_layout.h"

namespace kernscope {

// Reads from two places of a process, one behind the other into `first` and `second`; as process_vm_readv(2) returns.
using ReadProcess = std::function<ssize_t(pid_t pid, uint64_t first_at, std::vector<uint8_t>& first, uint64_t second_at,
                                          std::vector<uint8_t>& second)>;

// Of one ring, all of whose samples have the same layout.
class StackRest {
 public:
  explicit StackRest(uint32_t limit);
  StackRest(uint32_t limit, ReadProcess read_process) : limit_(limit), read_process_(std::move(read_process)) {}

  // Looks at the records that have come since the last call, and reads what their stacks lack.
  void read(KernelRing& ring, const SampleLayout& layout);

  // What was read for the record at a position; null: nothing. Positions asked for must not go back.
  const std::vector<uint8_t>* find(uint64_t position);

 private:
  void complete(uint64_t position, const uint8_t* record, const ParsedRecord& parsed);

  uint64_t limit_;
  ReadProcess read_process_;
  uint64_t looked_ = 0;
  uint64_t held_ = 0;
  std::deque<std::pair<uint64_t, std::vector<uint8_t>>> rests_;
  std::vector<uint8_t> check_;
  std::vector<uint8_t> buffer_;
};

}  // namespace kernscope
