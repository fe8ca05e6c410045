// Completes the user stacks of one CPU's ring while the kernel's copy of them is fresh.
//
// The kernel copies a user stack with page faults off, so the copy ends at the first page that nobody has touched yet, and
// right after an exec such a page lies between the stack pointer and the strings for one program in five. The rest is read
// from the process itself. To be there before the new program's first instruction, a thread waits on that CPU with a
// real-time priority: the interrupt that announces the record makes it runnable, and the CPU runs it before it goes back to
// user mode. Where that is not permitted the thread does what it can.
#pragma once

#include <pthread.h>

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "kernel_ring.h"
#include "sample_layout.h"

namespace kernscope {

// Reads `size` bytes of a process's memory; returns how many were read from the start on.
using ReadMemory = std::function<size_t(int pid, uint64_t address, uint8_t* to, size_t size)>;

// process_vm_readv(2), page by page.
size_t read_process_memory(int pid, uint64_t address, uint8_t* to, size_t size);

// The part without a thread: looks at records before the merge takes them, and keeps what it read for them.
class StackStash {
 public:
  StackStash(const uint8_t* data, uint64_t size, const uint64_t* head, const uint64_t* tail,
             std::shared_ptr<const SampleLayout> layout, ReadMemory read);
  ~StackStash();
  StackStash(const StackStash&) = delete;

  // Looks at all records that are new; returns whether there were any.
  bool scan();
  // What was read for the record at a position of the ring, where the merge is now; empty for most. What was kept for
  // records before it is given up.
  std::vector<uint8_t> rest_at(uint64_t position);

 private:
  struct Entry {
    uint64_t position;
    std::vector<uint8_t> rest;
  };
  bool scan_locked();
  bool begins_alike(int pid, const ParsedRecord& parsed, const uint8_t* record);

  // The reader's own view of the ring, ahead of the merge's.
  uint64_t tail_;
  KernelRing ring_;
  std::shared_ptr<const SampleLayout> layout_;
  ReadMemory read_;
  // Handed on by priority: the merge must not keep the real-time thread waiting.
  pthread_mutex_t mutex_;
  std::deque<Entry> entries_;
};

class StackCompleter {
 public:
  // `notify` is called on the thread after new records were looked at.
  StackCompleter(int fd, int cpu, std::shared_ptr<StackStash> stash, std::function<void()> notify);
  ~StackCompleter();
  // Puts the thread on its CPU, with its priority, as far as that is permitted.
  void bind();

 private:
  int cpu_;
  int stop_fd_;
  std::thread thread_;
};

}  // namespace kernscope
