// The reader's end of one perf ring (perf_event_open(2), "MMAP layout"). It knows pointers only, so that tests can hand
// it a ring of a few bytes.
//
//        tail (ours)              head (the kernel's)
//         v                        v
//   ......[rec][record][rec][record].......     positions only grow; the byte of a position is position % size
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <vector>

namespace kernscope {

// A record's length is a u16.
constexpr uint64_t kMaxRecord = 65536;

class KernelRing {
 public:
  // `size` is a power of two and a multiple of 8; head and tail are data_head and data_tail of the ring's first page.
  KernelRing(const uint8_t* data, uint64_t size, const uint64_t* head, uint64_t* tail)
      : data_(data), size_(size), head_(head), tail_(tail), position_(*tail), published_(*tail) {}

  // Sees what the kernel has written up to now.
  void refresh() { end_ = __atomic_load_n(head_, __ATOMIC_ACQUIRE); }

  bool empty() const { return position_ == end_; }

  // Goes on at another position, not beyond the head seen last.
  void seek(uint64_t position) { position_ = std::min(position, end_); }

  // Where in the ring's history the reader is.
  uint64_t position() const { return position_; }

  // The part of the ring between the reader and the head seen last: 0 … 1.
  double fullness() const { return static_cast<double>(end_ - position_) / static_cast<double>(size_); }

  // The next record, in one piece; null when there is none up to the head seen last. A length that cannot be true makes
  // everything up to the head unreadable: it is skipped and `skipped` counts it.
  const uint8_t* next(uint32_t& size) {
    if (empty()) return nullptr;
    const uint64_t available = end_ - position_;
    const uint64_t offset = position_ & (size_ - 1);
    uint16_t length = 0;
    if (available >= 8 && available <= size_) std::memcpy(&length, data_ + offset + 6, 2);
    if (length < 16 || (length & 7) != 0 || length > available) {
      position_ = end_;
      ++skipped;
      publish();
      return nullptr;
    }
    size = length;
    if (offset + length <= size_) return data_ + offset;
    if (scratch_.size() < length) scratch_.resize(std::min<uint64_t>(size_, kMaxRecord));
    const uint64_t first = size_ - offset;
    std::memcpy(scratch_.data(), data_ + offset, first);
    std::memcpy(scratch_.data() + first, data_, length - first);
    return scratch_.data();
  }

  // Steps over the record that next() returned. The kernel hears of it now and then, and at publish().
  void advance(uint32_t size) {
    position_ += size;
    if (position_ - published_ >= size_ / 8) publish();
  }

  // Gives the room of all records read back to the kernel.
  void publish() {
    if (position_ == published_) return;
    __atomic_store_n(tail_, position_, __ATOMIC_RELEASE);
    published_ = position_;
  }

  uint64_t skipped = 0;

 private:
  const uint8_t* data_;
  uint64_t size_;
  const uint64_t* head_;
  uint64_t* tail_;
  uint64_t position_;
  uint64_t published_;
  uint64_t end_ = position_;
  std::vector<uint8_t> scratch_;
};

}  // namespace kernscope
