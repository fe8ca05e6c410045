#include "../merge.h"

#include <algorithm>
#include <random>

#include "../record_layout.h"
#include "check.h"
#include "fake_ring.h"

namespace kernscope::test {
namespace {

struct Bed {
  explicit Bed(size_t rings, uint64_t ring_size, uint64_t span_size) : memory(span_size), spans(memory.data(), span_size) {
    auto layout = std::make_shared<SampleLayout>();
    layout->sample_type = kSampleType;
    for (uint64_t id = 1; id <= rings; ++id) table->insert(id, {static_cast<uint32_t>(id + 10), layout});
    kernels.reserve(rings);
    readers.reserve(rings);
    for (size_t i = 0; i < rings; ++i) {
      kernels.emplace_back(ring_size, 8 * i);
      readers.push_back({kernels[i].reader(), static_cast<uint32_t>(i), layout});
    }
    for (auto& reader : readers) merge.add(&reader);
  }

  // Times of what comes out, the record's own flags checked.
  std::vector<RecordHeader> read() {
    std::vector<RecordHeader> out;
    uint64_t start = 0, end = 0;
    bool more = false;
    while (spans.take(start, end, more)) {
      while (start < end) {
        RecordHeader header;
        std::memcpy(&header, &memory[start], sizeof header);
        CHECK(header.length % 8 == 0 && start + header.length <= end);
        out.push_back(header);
        start += header.length;
      }
      spans.release();
    }
    return out;
  }

  std::vector<uint8_t> memory;
  SpanRing spans;
  std::shared_ptr<IdTable> table = std::make_shared<IdTable>();
  std::vector<FakeRing> kernels;
  std::vector<MergeRing> readers;
  uint64_t clock = 0;
  Merge merge{spans, [this] { return table; }, [this] { return clock; }};
};

constexpr uint64_t kSecond = 1'000'000'000;
static_assert(Merge::kMostAhead == kSecond);

// Random rings, horizons and a reader that is at times too slow: every record once, in order of time, none beyond the
// horizon, and nothing but what did not fit stays behind.
void in_order() {
  std::mt19937 random(2);
  for (size_t rings : {1u, 2u, 3u, 8u}) {
    Bed bed(rings, 256, 512);
    uint64_t clock = 1;
    uint64_t written = 0, read = 0, last = 0, horizon = 0;
    bool was_full = false;
    for (int step = 0; step < 20000; ++step) {
      for (size_t i = random() % 4; i > 0; --i) {
        FakeRing& kernel = bed.kernels[random() % rings];
        const auto record = sample(1 + random() % rings, clock += random() % 3, 4 + 8 * (random() % 8));
        if (!kernel.fits(record.size())) continue;
        kernel.write(record);
        ++written;
      }
      horizon = std::max(horizon, clock - std::min<uint64_t>(clock, random() % 10));
      const auto result = bed.merge.drain(horizon);
      was_full |= result == Merge::Result::kFull;
      if (random() % 3 == 0) {
        for (const auto& header : bed.read()) {
          CHECK(header.time >= last && header.time <= horizon);
          CHECK(header.flags == 0 && header.type == PERF_RECORD_SAMPLE);
          CHECK(header.pid == 100 && header.tid == 101 && header.event == header.id + 10);
          last = header.time;
          ++read;
        }
      }
    }
    while (bed.merge.drain(~uint64_t{0}) == Merge::Result::kFull) read += bed.read().size();
    read += bed.read().size();
    CHECK(read == written && written > 10000 && was_full);
    CHECK(bed.merge.stats.records == written && bed.merge.stats.late == 0);
    for (const auto& kernel : bed.kernels) CHECK(kernel.head == kernel.tail);
  }
}

void late_records_are_flagged() {
  Bed bed(2, 256, 4096);
  bed.kernels[0].write(sample(1, 100));
  bed.merge.drain(200);
  bed.kernels[1].write(sample(2, 50));
  bed.kernels[0].write(sample(1, 120));
  bed.merge.drain(200);
  const auto records = bed.read();
  CHECK(records.size() == 3);
  CHECK(records[0].flags == 0 && records[1].flags == kFlagLate && records[1].time == 50 && records[2].flags == 0);
  CHECK(bed.merge.stats.late == 1);
}

// A time that cannot be holds nothing back: the record goes out as corrupt, in its place.
void times_ahead_of_the_clock() {
  Bed bed(2, 256, 4096);
  bed.clock = 200;
  bed.kernels[0].write(sample(1, 100));
  bed.kernels[0].write(sample(1, 50 * kSecond));
  bed.kernels[0].write(sample(1, 120));
  bed.kernels[1].write(sample(2, ~uint64_t{0}));
  bed.kernels[1].write(sample(2, 110));
  CHECK(bed.merge.drain(150) == Merge::Result::kDone);
  const auto records = bed.read();
  const uint64_t times[] = {0, 100, 100, 110, 120};
  const uint16_t flags[] = {kFlagCorrupt, 0, kFlagCorrupt, 0, 0};
  CHECK(records.size() == 5);
  for (size_t i = 0; i < 5; ++i) CHECK(records[i].time == times[i] && records[i].flags == flags[i]);
  CHECK(bed.merge.stats.corrupt == 2 && bed.merge.stats.late == 0 && bed.merge.released() == 150);
}

// What is only ahead of the horizon waits for it, however late the horizon is.
void times_ahead_of_the_horizon() {
  Bed bed(1, 256, 4096);
  bed.clock = 200;
  bed.kernels[0].write(sample(1, 150 + kSecond));
  CHECK(bed.merge.drain(150) == Merge::Result::kHeld);
  bed.kernels[0].write(sample(1, 50 * kSecond));
  bed.clock = 50 * kSecond;
  CHECK(bed.merge.drain(200 + kSecond) == Merge::Result::kHeld);
  CHECK(bed.merge.drain(50 * kSecond) == Merge::Result::kDone);
  const auto records = bed.read();
  CHECK(records.size() == 2 && records[0].time == 150 + kSecond && records[1].time == 50 * kSecond);
  CHECK(records[0].flags + records[1].flags == 0 && bed.merge.stats.corrupt == 0);
}

// A record with a wrong time that has to wait for room is told once, and the next is itself again.
void times_ahead_without_room() {
  Bed bed(1, 256, 256);
  bed.clock = 200;
  for (uint64_t time : {uint64_t{1}, uint64_t{2}, uint64_t{3}, 50 * kSecond, uint64_t{4}}) bed.kernels[0].write(sample(1, time));
  CHECK(bed.merge.drain(150) == Merge::Result::kFull);
  CHECK(bed.read().size() == 3);
  CHECK(bed.merge.drain(150) == Merge::Result::kDone);
  const auto records = bed.read();
  CHECK(records.size() == 2 && records[0].flags == kFlagCorrupt && records[0].time == 3 && records[1].flags == 0);
  CHECK(bed.merge.stats.corrupt == 1);
}

// An event that is opened while a drain runs is found; one that nobody knows is handed out as such and counted.
void unknown_events() {
  Bed bed(1, 256, 4096);
  bed.kernels[0].write(sample(77, 1));
  bed.merge.drain(10);
  const auto records = bed.read();
  CHECK(records.size() == 1 && records[0].event == kNoEvent && records[0].id == 77);
  CHECK(bed.merge.stats.unknown == 1);
}

// A LOST record adds up and is handed out: its body is raw data.
void lost_records() {
  Bed bed(1, 256, 4096);
  std::vector<uint8_t> record(8 + 16 + 32, 0);
  const uint32_t type = PERF_RECORD_LOST;
  const uint16_t size = static_cast<uint16_t>(record.size());
  const uint64_t words[6] = {1, 42, 0, 9, 0, 1};  // id, lost; then pid and tid, time, cpu, identifier
  std::memcpy(&record[0], &type, 4);
  std::memcpy(&record[6], &size, 2);
  std::memcpy(&record[8], words, 48);
  bed.kernels[0].write(record);
  bed.merge.drain(10);
  const auto records = bed.read();
  CHECK(records.size() == 1 && records[0].type == PERF_RECORD_LOST && records[0].raw_size == 16);
  CHECK(records[0].event == 11 && records[0].time == 9 && bed.merge.stats.lost == 42);
}

// Plain samples take a shorter way through the merge; it says the same of them as parse_record, whatever their bytes.
void plain_records_as_parsed() {
  std::mt19937_64 random(4);
  uint64_t whole = 0, corrupt = 0;
  for (int round = 0; round < 100000; ++round) {
    Bed bed(1, 512, 4096);
    SampleLayout layout{.sample_type = kSampleType | (random() % 2) << 21};
    bed.table->insert(5, {3, std::make_shared<SampleLayout>(layout)});
    std::vector<uint8_t> record(16 + 8 * (random() % 20));
    for (auto& byte : record) byte = static_cast<uint8_t>(random());
    const uint32_t type = PERF_RECORD_SAMPLE;
    const uint16_t size = static_cast<uint16_t>(record.size());
    const uint64_t id = 5;
    const uint32_t raw_size = random() % 2 ? size - 44 - (layout.has_cgroup() ? 8 : 0) : static_cast<uint32_t>(random() % 200);
    std::memcpy(&record[0], &type, 4);
    std::memcpy(&record[6], &size, 2);
    std::memcpy(&record[8], &id, 8);
    if (size >= 44) std::memcpy(&record[40], &raw_size, 4);
    const ParsedRecord parsed = parse_record(record.data(), size, layout);
    bed.kernels[0].write(record);
    bed.merge.drain(~uint64_t{0});
    uint64_t start = 0, end = 0;
    bool more = false;
    CHECK(bed.spans.take(start, end, more) && !more);
    const uint8_t* copy = &bed.memory[start];
    RecordHeader header;
    std::memcpy(&header, copy, sizeof header);
    CHECK(header.length == end - start && header.event == 3 && header.id == 5 && header.type == type);
    CHECK(((header.flags & kFlagCorrupt) != 0) == parsed.corrupt && header.time == record_time(record.data(), size, layout));
    CHECK(header.pid == parsed.pid && header.tid == parsed.tid && header.cgroup == parsed.cgroup);
    CHECK(header.misc == parsed.misc && header.raw_size == parsed.raw.size() && header.head_size + header.tail_size == 0);
    CHECK(std::memcmp(copy + sizeof header, record.data() + parsed.raw.begin, header.raw_size) == 0);
    ++(parsed.corrupt ? corrupt : whole);
  }
  CHECK(whole > 10000 && corrupt > 10000);
}

}  // namespace

void merge_tests() {
  plain_records_as_parsed();
  in_order();
  late_records_are_flagged();
  times_ahead_of_the_clock();
  times_ahead_of_the_horizon();
  times_ahead_without_room();
  unknown_events();
  lost_records();
}

}  // namespace kernscope::test
