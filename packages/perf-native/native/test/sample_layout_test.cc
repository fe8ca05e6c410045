#include "../sample_layout.h"

#include <linux/perf_event.h>

#include <cstring>
#include <random>
#include <vector>

#include "../merge.h"
#include "../record_layout.h"
#include "check.h"
#include "fake_ring.h"

namespace kernscope::test {
namespace {

class Writer {
 public:
  Writer() : bytes(8) {}
  Writer& u64(uint64_t value) { return raw(&value, 8); }
  Writer& u32(uint32_t value) { return raw(&value, 4); }
  Writer& raw(const void* data, size_t size) {
    const auto* from = static_cast<const uint8_t*>(data);
    bytes.insert(bytes.end(), from, from + size);
    return *this;
  }
  std::vector<uint8_t> done(uint32_t type = PERF_RECORD_SAMPLE) {
    const uint16_t size = static_cast<uint16_t>(bytes.size());
    std::memcpy(&bytes[0], &type, 4);
    std::memcpy(&bytes[6], &size, 2);
    return bytes;
  }
  std::vector<uint8_t> bytes;
};

constexpr uint64_t kCgroup = 1u << 21;

// Everything that lies around the raw data is found again in head and tail, the user stack cut to what is valid.
void all_fields() {
  SampleLayout layout;
  layout.sample_type = kSampleType | PERF_SAMPLE_IP | PERF_SAMPLE_ADDR | PERF_SAMPLE_ID | PERF_SAMPLE_STREAM_ID |
                       PERF_SAMPLE_PERIOD | PERF_SAMPLE_READ | PERF_SAMPLE_CALLCHAIN | PERF_SAMPLE_BRANCH_STACK |
                       PERF_SAMPLE_REGS_USER | PERF_SAMPLE_STACK_USER | PERF_SAMPLE_WEIGHT | kCgroup;
  layout.read_format = PERF_FORMAT_GROUP | PERF_FORMAT_ID | PERF_FORMAT_TOTAL_TIME_ENABLED;
  layout.regs_user = 0b101;
  Writer w;
  w.u64(5).u64(0x1111).u32(7).u32(8).u64(999).u64(0x2222).u64(5).u64(6).u32(3).u32(0).u64(1);
  w.u64(2).u64(50).u64(10).u64(1).u64(20).u64(2);  // nr, enabled, then value and id of each
  w.u64(3).u64(0xa).u64(0xb).u64(0xc);             // call chain
  w.u32(12).raw("rawdata12345", 12);
  w.u64(1).u64(1).u64(2).u64(3);  // one branch
  w.u64(2).u64(0x7000).u64(0x7001);
  uint8_t stack[32];
  for (int i = 0; i < 32; ++i) stack[i] = static_cast<uint8_t>(i);
  w.u64(32).raw(stack, 32).u64(13);
  w.u64(77);   // weight
  w.u64(444);  // cgroup
  const auto record = w.done();
  const ParsedRecord parsed = parse_record(record.data(), static_cast<uint32_t>(record.size()), layout);
  CHECK(!parsed.corrupt && parsed.id == 5 && parsed.pid == 7 && parsed.tid == 8 && parsed.time == 999 && parsed.cpu == 3);
  CHECK(parsed.cgroup == 444 && parsed.raw.size() == 12 && std::memcmp(&record[parsed.raw.begin], "rawdata12345", 12) == 0);
  CHECK(parsed.has_stack && parsed.stack_size == 13 && parsed.stack_cut.size() == 32 - 13 + 8);
  CHECK(record_time(record.data(), static_cast<uint32_t>(record.size()), layout) == 999);
  CHECK(record_identifier(record.data(), static_cast<uint32_t>(record.size())) == 5);

  // Through the merge.
  FakeRing kernel(1024, 512);
  std::vector<uint8_t> memory(4096);
  SpanRing spans(memory.data(), memory.size());
  auto table = std::make_shared<IdTable>();
  auto shared = std::make_shared<SampleLayout>(layout);
  table->insert(5, {1, shared});
  MergeRing ring{kernel.reader(), 3, shared};
  Merge merge(spans, [&] { return table; }, [] { return uint64_t{0}; });
  merge.add(&ring);
  kernel.write(record);
  CHECK(merge.drain(1000) == Merge::Result::kDone);
  uint64_t start = 0, end = 0;
  bool more = false;
  CHECK(spans.take(start, end, more) && start == 0);
  RecordHeader header;
  std::memcpy(&header, memory.data(), sizeof header);
  CHECK(header.length == end && header.raw_size == 12 && header.cgroup == 444);
  CHECK(header.head_size == 8 * (8 + 6 + 4));
  CHECK(header.tail_size == 8 * 4 + 8 * 3 + 8 + 16 + 8 + 8);
  const uint8_t* tail = memory.data() + 64 + 16 + header.head_size;
  uint64_t word = 0;
  std::memcpy(&word, tail + 8 * 7, 8);
  CHECK(word == 13);
  CHECK(std::memcmp(tail + 8 * 8, stack, 13) == 0 && tail[8 * 8 + 13] == 0);
  std::memcpy(&word, tail + 8 * 10, 8);
  CHECK(word == 77);
  merge.remove(&ring);
}

// Any bytes under any layout: nothing outside the record is read (the sanitizers watch), ranges stay inside it.
void hostile_bytes() {
  std::mt19937_64 random(3);
  uint64_t corrupt = 0;
  for (int round = 0; round < 300000; ++round) {
    SampleLayout layout{random() & 0x1ffffff, random() & 31, random() & 0xfffff, random(), random()};
    if (round % 4 == 0) layout.sample_type = kSampleType | PERF_SAMPLE_REGS_USER | PERF_SAMPLE_STACK_USER | kCgroup;
    std::vector<uint8_t> record(16 + 8 * (random() % 30));
    for (auto& byte : record) byte = random() % 3 == 0 ? static_cast<uint8_t>(random()) : 0;
    const uint32_t type = random() % 2 ? static_cast<uint32_t>(PERF_RECORD_SAMPLE) : static_cast<uint32_t>(random() % 30);
    const uint32_t size = static_cast<uint32_t>(record.size());
    std::memcpy(record.data(), &type, 4);
    record_identifier(record.data(), size);
    record_time(record.data(), size, layout);
    const ParsedRecord parsed = parse_record(record.data(), size, layout);
    for (const Range& range : {parsed.raw, parsed.head, parsed.tail, parsed.stack_cut})
      CHECK(range.begin <= range.end && range.end <= size);
    if (parsed.has_stack) CHECK(parsed.stack_cut.begin - parsed.stack_size >= parsed.tail.begin + 8);
    corrupt += parsed.corrupt;
  }
  CHECK(corrupt > 1000 && corrupt < 299000);
}

}  // namespace

void sample_layout_tests() {
  all_fields();
  hostile_bytes();
}

}  // namespace kernscope::test
