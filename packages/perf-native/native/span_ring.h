// A byte ring between one producer (the native thread) and one consumer (JavaScript). A record never wraps: where it does
// not fit before the end of the memory the rest is left empty and the record goes to the start.
//
//   memory   [3rd][4th]......[1st][2nd]~~~~
//             ^         ^     ^        ^ wrap: nothing from here to the end
//             lap start write read
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>

namespace kernscope {

class SpanRing {
 public:
  // `size` is a multiple of 8 and at least twice the longest record.
  SpanRing(uint8_t* memory, uint64_t size) : memory_(memory), size_(size) {}

  // Producer: room for `length` bytes (a multiple of 8), or null when the consumer holds too much.
  uint8_t* reserve(uint64_t length) {
    if (length > size_ / 2) return nullptr;
    uint64_t padding = 0;
    if (offset_ + length > size_) padding = size_ - offset_;
    if (draft_ + padding + length - free_from_ > size_) {
      free_from_ = std::max(free_from_, read_.load(std::memory_order_acquire));
      if (draft_ + padding + length - free_from_ > size_) return nullptr;
    }
    if (padding != 0) {
      wrap_.store(draft_, std::memory_order_release);
      draft_ += padding;
      offset_ = 0;
    }
    reserved_ = length;
    return memory_ + offset_;
  }

  // Producer: the bytes reserved last are a record now; seen by the consumer after publish().
  void commit() {
    draft_ += reserved_;
    offset_ += reserved_;
    if (offset_ == size_) offset_ = 0;
  }

  // Producer: shows everything committed to the consumer.
  void publish() { write_.store(draft_, std::memory_order_release); }

  // Producer: where nothing is pending and the front is `threshold` bytes away, starts again at the front, so that a slow
  // stream stays in few pages. All of the memory is free then, whether or not the consumer has moved on yet.
  void rewind(uint64_t threshold) {
    if (offset_ < threshold || read_.load(std::memory_order_acquire) != draft_) return;
    rewind_.store(draft_, std::memory_order_release);
    draft_ = free_from_ = draft_ + size_ - offset_;
    offset_ = 0;
  }

  // Consumer: the next contiguous span; false when there is none. `more`: another one follows it.
  bool take(uint64_t& start, uint64_t& end, bool& more) {
    const uint64_t write = write_.load(std::memory_order_acquire);
    const uint64_t wrap = wrap_.load(std::memory_order_acquire);
    uint64_t read = read_.load(std::memory_order_relaxed);
    more = false;
    if (read == write) return false;
    if (read == wrap || read == rewind_.load(std::memory_order_acquire)) {
      read = next_lap(read);
      read_.store(read, std::memory_order_release);
      if (read == write) return false;
    }
    uint64_t stop = std::min(write, next_lap(read));
    if (wrap > read && wrap < stop) stop = wrap;
    more = stop < write;
    start = read % size_;
    end = start + (stop - read);
    taken_ = stop;
    return true;
  }

  // How far the consumer has come.
  uint64_t read_position() const { return read_.load(std::memory_order_acquire); }

  // Consumer: gives the span taken last back.
  void release() { read_.store(taken_, std::memory_order_release); }

 private:
  uint64_t next_lap(uint64_t position) const { return position + size_ - position % size_; }

  uint8_t* memory_;
  uint64_t size_;
  uint64_t draft_ = 0;
  uint64_t offset_ = 0;  // draft_ % size_
  uint64_t reserved_ = 0;
  uint64_t free_from_ = 0;
  uint64_t taken_ = 0;
  alignas(64) std::atomic<uint64_t> write_{0};
  // At most one lap ends with a gap between reader and writer, and a rewind needs a reader that has caught up, so one mark
  // of each kind is enough.
  std::atomic<uint64_t> wrap_{~uint64_t{0}};
  std::atomic<uint64_t> rewind_{~uint64_t{0}};
  alignas(64) std::atomic<uint64_t> read_{0};
};

}  // namespace kernscope
