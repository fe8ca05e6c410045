#include <deque>
#include <random>
#include <thread>

#include "../span_ring.h"
#include "check.h"

#include <cstring>
#include <vector>

namespace kernscope::test {
namespace {

// Reads one span and checks that it holds exactly the oldest of `expected`, in order.
void read_span(SpanRing& ring, std::vector<uint8_t>& memory, std::deque<std::pair<uint64_t, uint8_t>>& expected) {
  uint64_t start = 0;
  uint64_t end = 0;
  bool more = false;
  if (!ring.take(start, end, more)) {
    CHECK(expected.empty());
    return;
  }
  CHECK(start % 8 == 0 && start < end && end <= memory.size());
  while (start < end) {
    CHECK(!expected.empty());
    const auto [length, fill] = expected.front();
    expected.pop_front();
    CHECK(start + length <= end);
    for (uint64_t i = 0; i < length; ++i) CHECK(memory[start + i] == fill);
    start += length;
  }
  CHECK(more == !expected.empty());
  ring.release();
}

// Random lengths through rings of a few bytes, with rewinds; nothing is lost, doubled, torn or out of place.
void random_lengths() {
  std::mt19937 random(1);
  for (uint64_t size : {16u, 24u, 64u, 72u, 128u, 1000u}) {
    std::vector<uint8_t> memory(size);
    SpanRing ring(memory.data(), size);
    std::deque<std::pair<uint64_t, uint8_t>> expected;
    uint8_t fill = 0;
    uint64_t written = 0;
    for (int step = 0; step < 20000; ++step) {
      if (random() % 4 == 0) ring.rewind(8 * (random() % (size / 8)));
      for (uint64_t count = random() % 4; count > 0; --count) {
        const uint64_t length = 8 * (1 + random() % (size / 16));
        uint8_t* to = ring.reserve(length);
        if (to == nullptr) break;
        CHECK(to >= memory.data() && to + length <= memory.data() + size);
        std::memset(to, ++fill, length);
        ring.commit();
        expected.push_back({length, fill});
        ++written;
      }
      ring.publish();
      for (uint64_t count = random() % 3; count > 0; --count) read_span(ring, memory, expected);
    }
    CHECK(written > 10000);
  }
}

// A reservation that was not committed leaves no trace.
void uncommitted() {
  std::vector<uint8_t> memory(64);
  SpanRing ring(memory.data(), 64);
  CHECK(ring.reserve(24) != nullptr);
  ring.publish();
  uint64_t start = 0, end = 0;
  bool more = false;
  CHECK(!ring.take(start, end, more));
  CHECK(ring.reserve(40) == nullptr);
}

// After a rewind all of the memory is free at once, even though the consumer has not looked again.
void rewind_frees_all() {
  std::vector<uint8_t> memory(128);
  SpanRing ring(memory.data(), 128);
  uint64_t start = 0, end = 0;
  bool more = false;
  ring.reserve(40);
  ring.commit();
  ring.publish();
  CHECK(ring.take(start, end, more));
  ring.release();
  ring.rewind(40);
  for (int i = 0; i < 2; ++i) {
    CHECK(ring.reserve(64) == memory.data() + 64 * i);
    ring.commit();
  }
  CHECK(ring.reserve(8) == nullptr);
  ring.publish();
  CHECK(ring.take(start, end, more) && start == 0 && end == 128 && !more);
}

// Two threads: each record carries its number, the reader sees them all, in order and whole.
void two_threads() {
  constexpr uint64_t kRecords = 200000;
  std::vector<uint8_t> memory(4096);
  SpanRing ring(memory.data(), memory.size());
  std::thread producer([&] {
    for (uint64_t number = 0; number < kRecords;) {
      const uint64_t length = 16 + 8 * (number % 30);
      uint8_t* to = ring.reserve(length);
      if (to != nullptr) {
        std::memcpy(to, &length, 8);
        for (uint64_t at = 8; at < length; at += 8) std::memcpy(to + at, &number, 8);
        ring.commit();
        ++number;
      }
      if (to == nullptr || number % 7 == 0) {
        ring.publish();
        ring.rewind(512);
      }
      if (to == nullptr) std::this_thread::yield();
    }
    ring.publish();
  });
  uint64_t next = 0;
  while (next < kRecords) {
    uint64_t start = 0, end = 0;
    bool more = false;
    if (!ring.take(start, end, more)) {
      std::this_thread::yield();
      continue;
    }
    while (start < end) {
      uint64_t length = 0;
      std::memcpy(&length, &memory[start], 8);
      CHECK(length == 16 + 8 * (next % 30));
      for (uint64_t at = 8; at < length; at += 8) CHECK(std::memcmp(&memory[start + at], &next, 8) == 0);
      start += length;
      ++next;
    }
    ring.release();
  }
  producer.join();
}

}  // namespace

void span_ring_tests() {
  random_lengths();
  uncommitted();
  rewind_frees_all();
  two_threads();
}

}  // namespace kernscope::test
