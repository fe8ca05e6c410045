// What a thread read of the user stacks in one ring, ahead of the merge and for it.
//
//   next_ ─▶ position of the first record that nobody has looked at; its lowest bit while the thread looks at that one
//
// Neither side ever waits for a lock of the other: the thread has no more time than the new program's first instruction
// leaves it. Who is first looks at a record. The merge comes later by its slack, so it finds work left only where the
// thread was kept from running.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "kernel_ring.h"
#include "sample_layout.h"
#include "span_memory.h"
#include "span_ring.h"

namespace kernscope {

// Reads `size` bytes of a process's memory; returns how many were read from the start on.
using ReadMemory = std::function<size_t(int pid, uint64_t address, uint8_t* to, size_t size)>;

// process_vm_readv(2), page by page.
size_t read_process_memory(int pid, uint64_t address, uint8_t* to, size_t size);

class StackStash {
 public:
  struct Bytes {
    const uint8_t* data = nullptr;
    uint64_t size = 0;
  };

  StackStash(const uint8_t* data, uint64_t size, const uint64_t* head, const uint64_t* tail,
             std::shared_ptr<const SampleLayout> layout, ReadMemory read);
  StackStash(const StackStash&) = delete;

  // Thread: looks at all records that are new; returns whether there were any.
  bool scan();
  // Merge: what follows on the stack that the record at `position` shows, where it is needed and could be read. To be asked
  // for all records of the ring in their order, of each when it is taken (more than once if need be); the bytes stay until
  // another record is asked for.
  Bytes rest_at(uint64_t position, const uint8_t* record, uint32_t size);

 private:
  // In front of what is stashed for a record.
  struct Entry {
    uint64_t position;
    uint64_t size;
  };
  struct Cut;

  bool claim(uint64_t position, uint32_t size);
  Bytes stashed_for(uint64_t position);
  void stash(uint64_t position, const uint8_t* record, const Cut& cut);
  Cut cut_of(const uint8_t* record, uint32_t size) const;
  uint64_t read_rest(const uint8_t* record, const Cut& cut, uint8_t* to) const;

  std::shared_ptr<const SampleLayout> layout_;
  ReadMemory read_;
  std::atomic<uint64_t> next_;

  // The thread's own view of the ring, ahead of the merge's.
  uint64_t tail_;
  KernelRing ring_;

  // More than the ring's records can have, which have room for all of the stack: with those that the kernel writes where the
  // merge has been, while entries in front of theirs are still in its hand, there are two rings' worth at the most.
  SpanMemory memory_;
  SpanRing spans_;

  // The merge's side: the span in hand, and what it had to read by itself.
  uint64_t at_ = 0;
  uint64_t end_ = 0;
  uint64_t own_position_ = ~uint64_t{0};
  std::vector<uint8_t> own_;
};

}  // namespace kernscope
