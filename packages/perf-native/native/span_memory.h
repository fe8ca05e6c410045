// The memory that spans lie in (span_ring.h), which a reader and JavaScript share.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <cstdint>

namespace kernscope {

// The span memory outlives whichever of reader and ArrayBuffer goes first.
class SpanMemory {
 public:
  explicit SpanMemory(size_t size)
      : size_(size), base_(mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) {}
  ~SpanMemory() {
    if (valid()) munmap(base_, size_);
  }
  SpanMemory(const SpanMemory&) = delete;
  bool valid() const { return base_ != MAP_FAILED; }
  uint8_t* data() const { return static_cast<uint8_t*>(base_); }
  size_t size() const { return size_; }

 private:
  size_t size_;
  void* base_;
};

}  // namespace kernscope
