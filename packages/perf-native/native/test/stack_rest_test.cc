#include "../stack_rest.h"

#include <linux/perf_event.h>

#include <cstring>
#include <memory>

#include "../merge.h"
#include "../record_layout.h"
#include "check.h"
#include "fake_ring.h"

namespace kernscope::test {
namespace {

constexpr uint64_t kStackType = PERF_SAMPLE_IDENTIFIER | PERF_SAMPLE_TID | PERF_SAMPLE_TIME | PERF_SAMPLE_CPU |
                                PERF_SAMPLE_REGS_USER | PERF_SAMPLE_STACK_USER;
#if defined(__aarch64__)
constexpr uint64_t kMask = (uint64_t{1} << 3) | (uint64_t{1} << 31) | (uint64_t{1} << 32);
#else
constexpr uint64_t kMask = (1u << 5) | (1u << 7) | (1u << 8);
#endif
constexpr uint64_t kPointer = 0x7ffd00001000;
constexpr uint32_t kSampled = 64;  // bytes of stack asked for
constexpr uint64_t kMemory = 200;  // bytes of stack that the process has

uint8_t stack_byte(uint64_t offset) { return static_cast<uint8_t>(offset * 7 + 1); }

// A sample with a register before and one behind the stack pointer, whose stack has `valid` bytes.
std::vector<uint8_t> stack_sample(uint64_t time, uint64_t valid, uint64_t pointer = kPointer) {
  const uint64_t words[] = {1, (uint64_t{101} << 32) | 100, time, 3, 2, 11, pointer, 22, kSampled};
  std::vector<uint8_t> record(8 + sizeof words + kSampled + 8, 0xee);
  const uint32_t type = PERF_RECORD_SAMPLE;
  const uint16_t misc = 2, size = static_cast<uint16_t>(record.size());
  std::memcpy(&record[0], &type, 4);
  std::memcpy(&record[4], &misc, 2);
  std::memcpy(&record[6], &size, 2);
  std::memcpy(&record[8], words, sizeof words);
  for (uint64_t i = 0; i < valid; ++i) record[8 + sizeof words + i] = stack_byte(i);
  std::memcpy(&record[8 + sizeof words + kSampled], &valid, 8);
  return record;
}

struct Bed {
  explicit Bed(uint32_t limit) {
    auto own = std::make_shared<SampleLayout>();
    own->sample_type = kStackType;
    own->regs_user = kMask;
    own->stack_limit = limit;
    table->insert(1, {5, own});
    ring = std::make_unique<MergeRing>(MergeRing{kernel.reader(), 0, own});
    ring->stacks = std::make_unique<StackRest>(limit, [this](pid_t pid, uint64_t first_at, std::vector<uint8_t>& first,
                                                             uint64_t second_at, std::vector<uint8_t>& second) -> ssize_t {
      ++reads;
      if (gone) return -1;
      CHECK(pid == 100 && first_at == kPointer);
      for (size_t i = 0; i < first.size(); ++i) first[i] = stack_byte(i) ^ (other ? 0xff : 0);
      size_t got = 0;
      const uint64_t offset = second_at - kPointer;
      for (; got < second.size() && offset + got < kMemory; ++got) second[got] = stack_byte(offset + got);
      return static_cast<ssize_t>(first.size() + got);
    });
    merge.add(ring.get());
  }

  struct Out {
    RecordHeader header;
    uint64_t size;
    std::vector<uint8_t> stack;
  };

  std::vector<Out> read() {
    merge.drain(~uint64_t{0});
    std::vector<Out> out;
    uint64_t start = 0, end = 0;
    bool more = false;
    while (spans.take(start, end, more)) {
      while (start < end) {
        Out one;
        std::memcpy(&one.header, &memory[start], sizeof one.header);
        const uint64_t tail = start + sizeof one.header + one.header.head_size;
        std::memcpy(&one.size, &memory[tail + 32], 8);
        CHECK(one.header.tail_size == 40 + align8(one.size));
        CHECK(one.header.length == sizeof one.header + one.header.head_size + one.header.tail_size);
        one.stack.assign(&memory[tail + 40], &memory[tail + 40 + one.size]);
        for (uint64_t i = one.size; i < align8(one.size); ++i) CHECK(memory[tail + 40 + i] == 0);
        out.push_back(std::move(one));
        start += one.header.length;
      }
      spans.release();
    }
    return out;
  }

  bool gone = false;
  bool other = false;
  int reads = 0;
  FakeRing kernel{1024};
  std::vector<uint8_t> memory = std::vector<uint8_t>(8192);
  SpanRing spans{memory.data(), memory.size()};
  std::shared_ptr<IdTable> table = std::make_shared<IdTable>();
  std::unique_ptr<MergeRing> ring;
  Merge merge{spans, [this] { return table; }};
};

void check_stack(const Bed::Out& out, uint64_t size, uint64_t sampled) {
  CHECK(out.size == size && out.header.flags == kFlagStackRead && out.header.stack_sampled == sampled);
  CHECK(out.header.misc == 2);
  for (uint64_t i = 0; i < size; ++i) CHECK(out.stack[i] == stack_byte(i));
}

// Whatever is missing is read, once, as far as the process has it and the limit allows.
void completes() {
  for (uint32_t limit : {100u, 101u, 1000u}) {
    for (uint64_t valid : {16u, 17u, 23u, 40u, 63u, 64u}) {
      Bed bed(limit);
      bed.kernel.write(stack_sample(5, valid));
      bed.merge.complete_stacks();
      bed.merge.complete_stacks();
      CHECK(bed.reads == 1);
      const auto out = bed.read();
      CHECK(out.size() == 1);
      check_stack(out[0], std::min<uint64_t>(limit, kMemory), valid);
    }
  }
}

// Another program's memory, a process that is gone and a stack too short to be sure of are left as they were sampled.
void leaves_alone() {
  const auto untouched = [](Bed& bed, uint64_t valid) {
    bed.kernel.write(stack_sample(5, valid));
    bed.merge.complete_stacks();
    const auto out = bed.read();
    CHECK(out.size() == 1 && out[0].size == valid && out[0].header.flags == 0 && out[0].header.stack_sampled == 0);
  };
  Bed gone(1000), other(1000), brief(1000), full(64);
  gone.gone = other.other = true;
  untouched(gone, 40);
  untouched(other, 40);
  untouched(brief, 15);
  untouched(full, 64);
  CHECK(brief.reads == 0 && full.reads == 0);
  Bed nowhere(1000);
  nowhere.kernel.write(stack_sample(5, 40, 0));
  nowhere.merge.complete_stacks();
  CHECK(nowhere.reads == 0 && nowhere.read().size() == 1);
}

// Each record gets its own rest, over many turns of the ring and with records that were never looked at between.
void keeps_apart() {
  Bed bed(1000);
  int expected = 0;
  for (int round = 0; round < 500; ++round) {
    const uint64_t valid = 16 + static_cast<uint64_t>(round) % 40;
    const bool look = round % 3 != 0;
    bed.kernel.write(stack_sample(static_cast<uint64_t>(round) + 1, valid));
    if (look) bed.merge.complete_stacks();
    bed.gone = round % 5 == 0;
    bed.kernel.write(stack_sample(static_cast<uint64_t>(round) + 1, valid + 1));
    if (look) bed.merge.complete_stacks();
    const auto out = bed.read();
    CHECK(out.size() == 2);
    if (look && !bed.gone) {
      check_stack(out[0], kMemory, valid);
      check_stack(out[1], kMemory, valid + 1);
      ++expected;
    } else if (!look) {
      CHECK(out[0].size == valid && out[1].size == valid + 1 && out[0].header.flags == 0);
    }
    bed.gone = false;
  }
  CHECK(expected > 200);
}

}  // namespace

void stack_rest_tests() {
  completes();
  leaves_alone();
  keeps_apart();
}

}  // namespace kernscope::test
