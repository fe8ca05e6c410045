// Rings, merge, record layout, completed stacks and span memory under libFuzzer: the input is read as what the kernel writes,
// and as the moments at which the reader, its consumer, the threads that complete stacks and the table of events move.
// Whatever is written, what comes out lies inside the span memory and adds up, and all comes out as the clock goes on; and as
// long as the lengths of the records can be trusted, each comes out once, and stacks are the process's.
#include <linux/perf_event.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <span>
#include <vector>

#include "../merge.h"
#include "../test/fake_ring.h"

namespace kernscope::test {
namespace {

void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "%s does not hold\n", what);
  std::abort();
}

class Input {
 public:
  Input(const uint8_t* data, size_t size) : at_(data), end_(data + size) {}
  bool empty() const { return at_ == end_; }
  uint8_t u8() { return empty() ? 0 : *at_++; }
  uint64_t bytes(size_t count) {
    uint64_t value = 0;
    for (size_t i = 0; i < count; ++i) value |= static_cast<uint64_t>(u8()) << (8 * i);
    return value;
  }

 private:
  const uint8_t* at_;
  const uint8_t* end_;
};

constexpr uint64_t kEvents = 4;
// The id of the event whose user stacks are completed.
constexpr uint64_t kStackEvent = 20;
constexpr uint64_t kPage = 4096;

// The memory of the process that is sampled.
uint8_t memory_at(uint64_t address) { return static_cast<uint8_t>((address * 0x9e3779b97f4a7c15u) >> 56); }

const std::shared_ptr<const SampleLayout>& stack_layout() {
  static const auto layout = std::make_shared<const SampleLayout>(
      SampleLayout{.sample_type = PERF_SAMPLE_IDENTIFIER | PERF_SAMPLE_TID | PERF_SAMPLE_TIME | PERF_SAMPLE_CPU |
                                  PERF_SAMPLE_REGS_USER | PERF_SAMPLE_STACK_USER,
                   .regs_user = uint64_t{1} << kStackPointer});
  return layout;
}

// What every input begins with is made once: memory that is taken and given back is what the sanitizers are slow at.
const std::shared_ptr<const SampleLayout>& plain_layout() {
  static const auto layout = std::make_shared<const SampleLayout>(SampleLayout{kSampleType});
  return layout;
}

const std::shared_ptr<const IdTable>& plain_table() {
  static const auto table = [] {
    auto made = std::make_shared<IdTable>();
    for (uint64_t id = 1; id <= kEvents; ++id) made->insert(id, {static_cast<uint32_t>(id + 10), plain_layout()});
    made->insert(kStackEvent, {kStackEvent, stack_layout()});
    return std::shared_ptr<const IdTable>(std::move(made));
  }();
  return table;
}

class Bed {
 public:
  explicit Bed(Input& input) : input_(input) {
    const uint8_t shape = input.u8();
    const size_t rings = 1 + shape % 4;
    // Completed stacks take memory that is dear here: one ring has them, of one input in four.
    const bool stacks = shape / 4 % 4 == 3;
    const uint64_t ring_size = 64u << (input.u8() % 4);
    // Just room for two of the longest records, or a little more, so that it is often full.
    memory_.resize(2 * (sizeof(RecordHeader) + ring_size + 24) + 8 * (input.u8() % 32));
    spans_ = std::make_unique<SpanRing>(memory_.data(), memory_.size());
    merge_ = std::make_unique<Merge>(*spans_, [this] { return table_; }, [this] { return clock_; });
    kernels_.reserve(rings);
    readers_.reserve(rings);
    for (size_t i = 0; i < rings; ++i) {
      kernels_.emplace_back(ring_size, 8 * static_cast<uint64_t>(input.u8()));
      const bool completed = stacks && i == 0;
      readers_.push_back({kernels_[i].reader(), static_cast<uint32_t>(i), completed ? stack_layout() : plain_layout()});
      if (completed) readers_[i].stash = stash(kernels_[i]);
    }
    for (auto& reader : readers_) merge_->add(&reader);
  }

  void run() {
    while (!input_.empty()) step();
    // All that is left comes out when the consumer keeps up.
    for (int round = 0; round < 10'000; ++round) {
      read(true);
      clock_ += Merge::kMostAhead;
      if (merge_->drain(clock_) == Merge::Result::kDone) break;
    }
    read(true);
    for (const auto& kernel : kernels_) require(kernel.head == kernel.tail, "all is read in the end");
    require(merge_->stats.records == read_, "what was counted was read");
    require(merge_->stats.late == late_, "what was late was counted");
    if (trusted_) require(written_ == read_, "each record comes out once");
  }

 private:
  void step() {
    switch (input_.u8() % 10) {
      case 0:
      case 1:
        return write(sample(1 + input_.u8() % (kEvents + 1), clock_ += input_.u8(), 4 + 8 * (input_.u8() % 8), input_.u8()));
      case 2:
        return write(anything());
      case 3: {
        // No record: its length lies, or it is not whole.
        const auto lie = std::span(record_).first(8 + 8 * (input_.u8() % 8));
        for (auto& byte : lie) byte = input_.u8();
        if (ring().fits(lie.size())) {
          ring().write(lie);
          trusted_ = false;
        }
        return;
      }
      case 4:
        merge_->drain(clock_ - std::min<uint64_t>(clock_, input_.u8()));
        return;
      case 5:
        return read(input_.u8() % 2);
      case 6:
        return spans_->rewind(8 * input_.u8());
      case 7:
        return write(stack_sample());
      case 8: {
        const uint8_t how = input_.u8();
        readable_ = how % 80;
        moved_ = how >= 160;
        if (readers_[0].stash) readers_[0].stash->scan();
        return;
      }
      default: {
        const uint64_t id = 1 + input_.u8() % kEvents;
        if (input_.u8() % 2) table_ = std::make_shared<IdTable>(table_->without({static_cast<uint32_t>(id + 10)}));
        else insert(id);
      }
    }
  }

  // A record of any type and any bytes, whose length is right.
  std::span<const uint8_t> anything() {
    const auto record = std::span(record_).first(16 + 8 * (input_.u8() % 24));
    const uint32_t type = input_.u8() % 24;
    const uint16_t misc = static_cast<uint16_t>(input_.bytes(2));
    const uint16_t size = static_cast<uint16_t>(record.size());
    for (auto& byte : record) byte = input_.u8();
    std::memcpy(&record[0], &type, 4);
    std::memcpy(&record[4], &misc, 2);
    std::memcpy(&record[6], &size, 2);
    const uint64_t id = 1 + input_.u8() % kEvents;
    // A sample names its event first, any other record last.
    std::memcpy(&record[type == PERF_RECORD_SAMPLE ? 8 : size - 8], &id, 8);
    return record;
  }

  // A sample of which a part of the user stack was copied, up to the end of a page or not.
  std::span<const uint8_t> stack_sample() {
    const uint64_t asked = 8 * (1 + input_.u8() % 8);
    const uint64_t valid = input_.u8() % (asked + 1);
    const uint64_t at = input_.u8();
    const uint64_t pointer = at % 4 != 0 ? at * kPage - valid : kPage + at;
    const uint32_t type = PERF_RECORD_SAMPLE;
    const uint64_t words[] = {kStackEvent, uint64_t{101} << 32 | 100, clock_ += input_.u8(), 3, 2, pointer, asked};
    const uint16_t size = static_cast<uint16_t>(8 + sizeof words + asked + 8);
    std::memcpy(&record_[0], &type, 4);
    std::memset(&record_[4], 0, 2);
    std::memcpy(&record_[6], &size, 2);
    std::memcpy(&record_[8], words, sizeof words);
    for (uint64_t i = 0; i < asked; ++i)
      record_[8 + sizeof words + i] = i < valid ? memory_at(pointer + i) : static_cast<uint8_t>(~memory_at(pointer + i));
    std::memcpy(&record_[size - 8], &valid, 8);
    return std::span(record_).first(size);
  }

  std::shared_ptr<StackStash> stash(const FakeRing& kernel) {
    return std::make_shared<StackStash>(kernel.data.data(), kernel.data.size(), &kernel.head, &kernel.tail, stack_layout(),
                                        [this](int, uint64_t address, uint8_t* to, size_t size) {
                                          // What begins elsewhere than at a page is read for comparison.
                                          const bool rest = address % kPage == 0;
                                          const size_t got = rest ? std::min<size_t>(size, readable_) : size;
                                          for (size_t i = 0; i < got; ++i)
                                            to[i] = static_cast<uint8_t>(memory_at(address + i) + (!rest && moved_));
                                          return got;
                                        });
  }

  // The record's user stack is what the process has there.
  static void check_stack(const uint8_t* record, const RecordHeader& header) {
    const uint8_t* tail = record + sizeof header + align8(header.raw_size) + align8(header.head_size);
    uint64_t words[3];
    require(header.tail_size >= sizeof words, "a stack has its size");
    std::memcpy(words, tail, sizeof words);
    const auto [abi, pointer, size] = words;
    require(abi == 2 && header.tail_size == sizeof words + align8(size), "a stack has its bytes");
    for (uint64_t i = 0; i < align8(size); ++i)
      require(tail[sizeof words + i] == (i < size ? memory_at(pointer + i) : 0), "a stack's bytes are the process's");
  }

  FakeRing& ring() { return kernels_[at_ % kernels_.size()]; }

  void write(std::span<const uint8_t> record) {
    at_ = input_.u8();
    if (!ring().fits(record.size())) return;
    ring().write(record);
    ++written_;
  }

  void insert(uint64_t id) {
    auto layout = std::make_shared<SampleLayout>();
    layout->sample_type = input_.u8() % 2 ? kSampleType | (input_.u8() % 2 ? 1u << 21 : 0) : input_.bytes(4);
    layout->read_format = input_.u8();
    layout->branch_sample_type = input_.bytes(3);
    layout->regs_user = input_.bytes(2);
    layout->regs_intr = input_.bytes(2);
    auto changed = std::make_shared<IdTable>(*table_);
    changed->insert(id, {static_cast<uint32_t>(id + 10), std::move(layout)});
    table_ = std::move(changed);
  }

  // Takes one span, or all there is.
  void read(bool all) {
    uint64_t start = 0, end = 0;
    bool more = false;
    while (spans_->take(start, end, more)) {
      require(start <= end && end <= memory_.size(), "a span lies in the memory");
      while (start < end) {
        RecordHeader header;
        require(start + sizeof header <= end, "a span holds whole headers");
        std::memcpy(&header, &memory_[start], sizeof header);
        require(header.length == sizeof header + align8(header.raw_size) + align8(header.head_size) + align8(header.tail_size),
                "a record's parts add up to its length");
        require(start + header.length <= end, "a span holds whole records");
        if (header.event == kStackEvent && trusted_) check_stack(&memory_[start], header);
        const bool late = header.flags & kFlagLate;
        require(late == (header.time < last_), "what is younger than one before it is flagged");
        late_ += late;
        if (!late) last_ = header.time;
        ++read_;
        start += header.length;
      }
      spans_->release();
      if (!all) return;
    }
  }

  Input& input_;
  std::array<uint8_t, 16 + 8 * 24> record_;
  std::vector<uint8_t> memory_;
  std::unique_ptr<SpanRing> spans_;
  std::unique_ptr<Merge> merge_;
  std::shared_ptr<const IdTable> table_ = plain_table();
  std::vector<FakeRing> kernels_;
  std::vector<MergeRing> readers_;
  size_t at_ = 0;
  uint64_t clock_ = 1;
  uint64_t last_ = 0;
  uint64_t written_ = 0;
  uint64_t read_ = 0;
  uint64_t late_ = 0;
  bool trusted_ = true;
  size_t readable_ = 80;  // bytes of a stack's rest
  bool moved_ = false;    // the process has another program now
};

}  // namespace
}  // namespace kernscope::test

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  kernscope::test::Input input(data, size);
  kernscope::test::Bed(input).run();
  return 0;
}
