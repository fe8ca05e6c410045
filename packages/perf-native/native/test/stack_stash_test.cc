#include "../stack_stash.h"

#include <linux/perf_event.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <thread>

#include "../merge.h"
#include "../record_layout.h"
#include "check.h"
#include "fake_ring.h"

namespace kernscope::test {
namespace {

constexpr uint32_t kAsked = 64;
constexpr uint64_t kSampled = PERF_SAMPLE_IDENTIFIER | PERF_SAMPLE_TID | PERF_SAMPLE_TIME | PERF_SAMPLE_CPU |
                              PERF_SAMPLE_REGS_USER | PERF_SAMPLE_STACK_USER;
constexpr uint64_t kStackPointerMask = uint64_t{1} << kStackPointer;

// A sample whose user stack begins at `pointer` and has `valid` of 64 bytes: the byte's own number.
std::vector<uint8_t> stack_sample(uint64_t time, uint64_t pointer, uint64_t valid) {
  std::vector<uint8_t> record(8);
  const auto put = [&](uint64_t word) {
    const auto* from = reinterpret_cast<const uint8_t*>(&word);
    record.insert(record.end(), from, from + 8);
  };
  for (uint64_t word : {uint64_t{1}, uint64_t{100} << 32 | 7, time, uint64_t{0}, uint64_t{2}, pointer, uint64_t{kAsked}})
    put(word);
  for (uint32_t i = 0; i < kAsked; ++i) record.push_back(static_cast<uint8_t>(i < valid ? i : 0xee));
  put(valid);
  const uint32_t type = PERF_RECORD_SAMPLE;
  const uint16_t size = static_cast<uint16_t>(record.size());
  std::memcpy(&record[0], &type, 4);
  std::memcpy(&record[6], &size, 2);
  return record;
}

struct Bed {
  explicit Bed(size_t readable) : readable(readable) {
    layout->sample_type = kSampled;
    layout->regs_user = kStackPointerMask;
    stash = std::make_shared<StackStash>(kernel.data.data(), kernel.data.size(), &kernel.head, &kernel.tail, layout,
                                         [this](int pid, uint64_t address, uint8_t* to, size_t size) {
                                           CHECK(pid == 100 && size <= kAsked);
                                           if (address % 4096 != 0) {
                                             // The beginning of the stack, for comparison.
                                             for (size_t i = 0; i < size; ++i) to[i] = static_cast<uint8_t>(i + moved);
                                             return size;
                                           }
                                           ++reads;
                                           const size_t got = std::min(size, this->readable);
                                           for (size_t i = 0; i < got; ++i) to[i] = static_cast<uint8_t>(kAsked - size + i);
                                           return got;
                                         });
    table->insert(1, {9, layout});
    ring = std::make_unique<MergeRing>(MergeRing{kernel.reader(), 0, layout, stash});
    merge.add(ring.get());
  }

  // Bytes of the one record's user stack, checked to be their own numbers, and its flags.
  std::pair<uint64_t, uint16_t> read() {
    merge.drain(~uint64_t{0});
    uint64_t start = 0, end = 0;
    bool more = false;
    CHECK(spans.take(start, end, more));
    RecordHeader header;
    std::memcpy(&header, &memory[start], sizeof header);
    CHECK(start + header.length == end && header.event == 9);
    const uint8_t* tail = &memory[start + sizeof header + align8(header.head_size)];
    uint64_t size = 0;
    std::memcpy(&size, tail + 16, 8);
    CHECK(header.tail_size == 24 + align8(size));
    for (uint64_t i = 0; i < size; ++i) CHECK(tail[24 + i] == i);
    for (uint64_t i = size; i < align8(size); ++i) CHECK(tail[24 + i] == 0);
    spans.release();
    return {size, header.flags};
  }

  size_t readable;
  int moved = 0;  // the process has another stack now
  int reads = 0;
  FakeRing kernel{1024, 1000};
  std::shared_ptr<SampleLayout> layout = std::make_shared<SampleLayout>();
  std::shared_ptr<StackStash> stash;
  std::vector<uint8_t> memory = std::vector<uint8_t>(4096);
  SpanRing spans{memory.data(), memory.size()};
  std::shared_ptr<IdTable> table = std::make_shared<IdTable>();
  std::unique_ptr<MergeRing> ring;
  Merge merge{spans, [this] { return table; }, [] { return ~uint64_t{0}; }};
};

// A copy that ended at a page's end is completed, by whoever comes first; others stay as they are.
void completes() {
  for (bool scanned : {false, true}) {
    Bed bed(1000);
    for (uint64_t round = 0; round < 20; ++round) {
      const uint64_t valid = 1 + round * 3;
      bed.kernel.write(stack_sample(round + 1, 8 * 4096 - valid, valid));
      if (scanned) CHECK(bed.stash->scan());
      // A drain that must leave the record where it is forgets nothing.
      CHECK(bed.merge.drain(round) == Merge::Result::kHeld);
      CHECK((bed.read() == std::pair<uint64_t, uint16_t>{kAsked, kFlagStackRead}));
      CHECK(bed.reads == static_cast<int>(round + 1));
      CHECK(!bed.stash->scan());
    }
  }
}

void leaves_alone() {
  Bed bed(1000);
  bed.kernel.write(stack_sample(1, 4096, kAsked));
  CHECK((bed.read() == std::pair<uint64_t, uint16_t>{kAsked, 0}));
  bed.kernel.write(stack_sample(2, 4096, 13));  // the stack ends there
  CHECK((bed.read() == std::pair<uint64_t, uint16_t>{13, 0}));
  CHECK(bed.reads == 0);
}

void what_cannot_be_read_stays_away() {
  Bed gone(0);
  gone.kernel.write(stack_sample(1, 4096 - 16, 16));
  CHECK((gone.read() == std::pair<uint64_t, uint16_t>{16, 0}));
  Bed part(5);
  part.kernel.write(stack_sample(1, 4096 - 16, 16));
  CHECK((part.read() == std::pair<uint64_t, uint16_t>{21, kFlagStackRead}));
}

void another_program_is_not_mixed_in() {
  Bed bed(1000);
  bed.moved = 1;
  bed.kernel.write(stack_sample(1, 4096 - 16, 16));
  CHECK((bed.read() == std::pair<uint64_t, uint16_t>{16, 0}));
}

// The kernel, the thread and the merge at the same time: each record comes out once, with its rest.
void both_sides_at_once() {
  constexpr uint64_t kRecords = 20'000;
  FakeRing kernel{2048};
  auto layout = std::make_shared<SampleLayout>();
  layout->sample_type = kSampled;
  layout->regs_user = kStackPointerMask;
  const ReadMemory read = [](int, uint64_t address, uint8_t* to, size_t size) {
    for (size_t i = 0; i < size; ++i) to[i] = static_cast<uint8_t>(address % 4096 ? i : address / 4096 + i);
    return size;
  };
  StackStash stash(kernel.data.data(), kernel.data.size(), &kernel.head, &kernel.tail, layout, read);
  KernelRing ring = kernel.reader();

  std::atomic<bool> done = false;
  std::thread thread([&] {
    while (!done) stash.scan();
  });
  std::thread writer([&] {
    for (uint64_t i = 1; i <= kRecords; ++i) {
      const auto record = stack_sample(i, 4096 * i - 16, 16);
      while (kernel.head + record.size() - __atomic_load_n(&kernel.tail, __ATOMIC_ACQUIRE) > kernel.data.size())
        std::this_thread::yield();
      uint64_t head = kernel.head;
      for (uint8_t byte : record) kernel.data[head++ & (kernel.data.size() - 1)] = byte;
      __atomic_store_n(&kernel.head, head, __ATOMIC_RELEASE);
    }
  });
  uint64_t without = 0;
  for (uint64_t i = 1; i <= kRecords;) {
    ring.refresh();
    uint32_t size = 0;
    while (const uint8_t* record = ring.next(size)) {
      const StackStash::Bytes rest = stash.rest_at(ring.position(), record, size);
      // Nothing, where the thread was kept from running in the middle of the record.
      without += rest.size == 0;
      CHECK(rest.size == kAsked - 16 || rest.size == 0);
      for (uint64_t at = 0; at < rest.size; ++at) CHECK(rest.data[at] == static_cast<uint8_t>(i + at));
      ring.advance(size);
      ++i;
    }
    ring.publish();
  }
  writer.join();
  done = true;
  thread.join();
  CHECK(without < kRecords / 100);
}

// A thread that is kept from running in the middle of a record does not stop the stream.
void goes_on_without_a_stuck_thread() {
  FakeRing kernel{1024};
  auto layout = std::make_shared<SampleLayout>();
  layout->sample_type = kSampled;
  layout->regs_user = kStackPointerMask;
  std::atomic<bool> reading = false;
  std::atomic<bool> stuck = true;
  const ReadMemory read = [&](int, uint64_t, uint8_t* to, size_t size) {
    reading = true;
    while (stuck) std::this_thread::yield();
    std::memset(to, 0, size);
    return size;
  };
  StackStash stash(kernel.data.data(), kernel.data.size(), &kernel.head, &kernel.tail, layout, read);
  KernelRing ring = kernel.reader();
  kernel.write(stack_sample(1, 4096 - 16, 16));
  std::thread thread([&] { CHECK(stash.scan()); });
  while (!reading) std::this_thread::yield();
  ring.refresh();
  uint32_t size = 0;
  const uint8_t* record = ring.next(size);
  CHECK(stash.rest_at(ring.position(), record, size).size == 0);
  stuck = false;
  thread.join();
  // What came of it is not taken for that of a later record.
  ring.advance(size);
  kernel.write(stack_sample(2, 4096, kAsked));
  CHECK(stash.scan());
  ring.refresh();
  record = ring.next(size);
  CHECK(stash.rest_at(ring.position(), record, size).size == 0);
}

void reads_memory_page_by_page() {
  std::vector<uint8_t> from(3 * 4096);
  for (size_t i = 0; i < from.size(); ++i) from[i] = static_cast<uint8_t>(i * 31);
  std::vector<uint8_t> to(from.size());
  CHECK(read_process_memory(getpid(), reinterpret_cast<uint64_t>(from.data()), to.data(), to.size()) == from.size());
  CHECK(from == to);
  CHECK(read_process_memory(getpid(), 0x1000, to.data(), 8) == 0);
}

}  // namespace

void stack_stash_tests() {
  completes();
  leaves_alone();
  what_cannot_be_read_stays_away();
  another_program_is_not_mixed_in();
  both_sides_at_once();
  goes_on_without_a_stuck_thread();
  reads_memory_page_by_page();
}

}  // namespace kernscope::test
