#include "sample_layout.h"

#include <linux/perf_event.h>

#include <bit>
#include <cstring>

#include "record_layout.h"

namespace kernscope {
namespace {

// Newer than the uapi headers that this may be built against.
constexpr uint64_t kSampleCgroup = 1u << 21;
constexpr uint64_t kSampleDataPageSize = 1u << 22;
constexpr uint64_t kSampleCodePageSize = 1u << 23;
constexpr uint64_t kSampleWeightStruct = 1u << 24;
constexpr uint64_t kFormatLost = 1u << 4;
constexpr uint64_t kBranchHwIndex = 1u << 17;
constexpr uint64_t kBranchCounters = 1u << 19;

// Sample fields that the span's header holds.
constexpr uint64_t kInHeader = PERF_SAMPLE_IDENTIFIER | PERF_SAMPLE_TID | PERF_SAMPLE_TIME | PERF_SAMPLE_CPU;

uint16_t load16(const uint8_t* p) { uint16_t v; std::memcpy(&v, p, 2); return v; }
uint32_t load32(const uint8_t* p) { uint32_t v; std::memcpy(&v, p, 4); return v; }
uint64_t load64(const uint8_t* p) { uint64_t v; std::memcpy(&v, p, 8); return v; }

// Reads fields one after the other and remembers when one would have been beyond the end.
class Cursor {
 public:
  Cursor(const uint8_t* record, uint32_t begin, uint32_t end) : record_(record), at_(begin), end_(end) {}

  uint64_t u64() { return take(8) ? load64(record_ + at_ - 8) : 0; }
  uint32_t u32() { return take(4) ? load32(record_ + at_ - 4) : 0; }
  void skip(uint64_t bytes) { take(bytes); }
  // Skips `count` items of `size` bytes; a count that cannot be true is corrupt, not an overflow.
  void skip_items(uint64_t count, uint64_t size) {
    if (count > end_) fail();
    else take(count * size);
  }
  void skip_if(bool present) { if (present) take(8); }
  uint32_t at() const { return at_; }
  bool failed() const { return failed_; }

 private:
  bool take(uint64_t bytes) {
    if (bytes > end_ - at_) { fail(); return false; }
    at_ += static_cast<uint32_t>(bytes);
    return true;
  }
  void fail() { failed_ = true; at_ = end_; }

  const uint8_t* record_;
  uint32_t at_;
  uint32_t end_;
  bool failed_ = false;
};

void skip_read(Cursor& cursor, uint64_t format) {
  const uint64_t times = !!(format & PERF_FORMAT_TOTAL_TIME_ENABLED) + !!(format & PERF_FORMAT_TOTAL_TIME_RUNNING);
  const uint64_t per_value = 1 + !!(format & PERF_FORMAT_ID) + !!(format & kFormatLost);
  const uint64_t values = format & PERF_FORMAT_GROUP ? cursor.u64() : 1;
  cursor.skip_items(times, 8);
  cursor.skip_items(values, 8 * per_value);
}

void skip_branches(Cursor& cursor, uint64_t branch_sample_type) {
  const uint64_t count = cursor.u64();
  cursor.skip_if(branch_sample_type & kBranchHwIndex);
  cursor.skip_items(count, 24);
  if (branch_sample_type & kBranchCounters) cursor.skip_items(count, 8);
}

void skip_registers(Cursor& cursor, uint64_t mask) {
  if (cursor.u64() != PERF_SAMPLE_REGS_ABI_NONE) cursor.skip_items(std::popcount(mask), 8);
}

// Skips the registers; returns the stack pointer, 0 where it is not among them.
uint64_t read_stack_pointer(Cursor& cursor, uint64_t mask) {
  constexpr uint64_t bit = uint64_t{1} << kStackPointer;
  if (cursor.u64() == PERF_SAMPLE_REGS_ABI_NONE) return 0;
  cursor.skip_items(std::popcount(mask & (bit - 1)), 8);
  const uint64_t pointer = mask & bit ? cursor.u64() : 0;
  cursor.skip_items(std::popcount(mask & ~(bit | (bit - 1))), 8);
  return pointer;
}

void parse_sample(ParsedRecord& out, const uint8_t* record, uint32_t size, const SampleLayout& layout) {
  const uint64_t type = layout.sample_type;
  Cursor cursor(record, 8, size);
  if (type & PERF_SAMPLE_IDENTIFIER) out.id = cursor.u64();
  const uint32_t head_begin = cursor.at();
  cursor.skip_if(type & PERF_SAMPLE_IP);
  if (type & PERF_SAMPLE_TID) { out.pid = cursor.u32(); out.tid = cursor.u32(); }
  if (type & PERF_SAMPLE_TIME) out.time = cursor.u64();
  cursor.skip_if(type & PERF_SAMPLE_ADDR);
  cursor.skip_if(type & PERF_SAMPLE_ID);
  cursor.skip_if(type & PERF_SAMPLE_STREAM_ID);
  if (type & PERF_SAMPLE_CPU) { out.cpu = cursor.u32(); cursor.skip(4); }
  cursor.skip_if(type & PERF_SAMPLE_PERIOD);
  if (type & PERF_SAMPLE_READ) skip_read(cursor, layout.read_format);
  if (type & PERF_SAMPLE_CALLCHAIN) cursor.skip_items(cursor.u64(), 8);
  const uint32_t head_end = cursor.at();
  if (type & PERF_SAMPLE_RAW) {
    const uint32_t raw_size = cursor.u32();
    out.raw.begin = cursor.at();
    cursor.skip(raw_size);
    out.raw.end = cursor.at();
  }
  const uint32_t tail_begin = cursor.at();
  if (type & PERF_SAMPLE_BRANCH_STACK) skip_branches(cursor, layout.branch_sample_type);
  if (type & PERF_SAMPLE_REGS_USER) out.stack_pointer = read_stack_pointer(cursor, layout.regs_user);
  if (type & PERF_SAMPLE_STACK_USER) {
    const uint64_t stack_size = cursor.u64();
    if (stack_size != 0) {
      const uint32_t stack_begin = cursor.at();
      cursor.skip(stack_size);
      const uint64_t valid = cursor.u64();
      if (valid > stack_size) out.corrupt = true;
      out.stack_size = valid > stack_size ? 0 : valid;
      out.stack_cut = {stack_begin + static_cast<uint32_t>(out.stack_size), cursor.at()};
      out.has_stack = !cursor.failed();
    }
  }
  cursor.skip_if(type & (PERF_SAMPLE_WEIGHT | kSampleWeightStruct));
  cursor.skip_if(type & PERF_SAMPLE_DATA_SRC);
  cursor.skip_if(type & PERF_SAMPLE_TRANSACTION);
  if (type & PERF_SAMPLE_REGS_INTR) skip_registers(cursor, layout.regs_intr);
  cursor.skip_if(type & PERF_SAMPLE_PHYS_ADDR);
  if (type & kSampleCgroup) out.cgroup = cursor.u64();
  cursor.skip_if(type & kSampleDataPageSize);
  cursor.skip_if(type & kSampleCodePageSize);
  if (type & PERF_SAMPLE_AUX) cursor.skip(cursor.u64());
  const uint32_t tail_end = cursor.at();

  if (cursor.failed()) {
    out.corrupt = true;
    out.raw = {};
    out.has_stack = false;
    return;
  }
  if (type & ~(kInHeader | PERF_SAMPLE_RAW | kSampleCgroup)) {
    out.head = {head_begin, head_end};
    out.tail = {tail_begin, tail_end};
  }
}

uint32_t sample_id_size(uint64_t type) {
  return 8 * std::popcount(type & (PERF_SAMPLE_TID | PERF_SAMPLE_TIME | PERF_SAMPLE_ID | PERF_SAMPLE_STREAM_ID |
                                   PERF_SAMPLE_CPU | PERF_SAMPLE_IDENTIFIER));
}

void parse_other(ParsedRecord& out, const uint8_t* record, uint32_t size, const SampleLayout& layout) {
  const uint32_t id_size = sample_id_size(layout.sample_type);
  if (size < 8 + id_size) { out.corrupt = true; return; }
  out.raw = {8, size - id_size};
  Cursor cursor(record, size - id_size, size);
  if (layout.sample_type & PERF_SAMPLE_TID) { out.pid = cursor.u32(); out.tid = cursor.u32(); }
  if (layout.sample_type & PERF_SAMPLE_TIME) out.time = cursor.u64();
  cursor.skip_if(layout.sample_type & PERF_SAMPLE_ID);
  cursor.skip_if(layout.sample_type & PERF_SAMPLE_STREAM_ID);
  if (layout.sample_type & PERF_SAMPLE_CPU) { out.cpu = cursor.u32(); cursor.skip(4); }
  if (layout.sample_type & PERF_SAMPLE_IDENTIFIER) out.id = cursor.u64();
}

}  // namespace

SampleLayout SampleLayout::from_attr(const uint8_t* attr) {
  return {load64(attr + 24), load64(attr + 32), load64(attr + 72), load64(attr + 80), load64(attr + 96)};
}

uint64_t record_identifier(const uint8_t* record, uint32_t size) {
  return load64(load32(record) == PERF_RECORD_SAMPLE ? record + 8 : record + size - 8);
}

uint64_t record_time(const uint8_t* record, uint32_t size, const SampleLayout& layout) {
  uint64_t offset;
  const uint64_t before = 8 * !!(layout.sample_type & PERF_SAMPLE_TID);
  if (load32(record) == PERF_RECORD_SAMPLE) {
    offset = 8 + 8 * !!(layout.sample_type & PERF_SAMPLE_IDENTIFIER) + 8 * !!(layout.sample_type & PERF_SAMPLE_IP) + before;
  } else {
    const uint32_t id_size = sample_id_size(layout.sample_type);
    if (size < 8 + id_size) return 0;
    offset = size - id_size + before;
  }
  return offset + 8 <= size ? load64(record + offset) : 0;
}

ParsedRecord parse_record(const uint8_t* record, uint32_t size, const SampleLayout& layout) {
  ParsedRecord out;
  out.type = static_cast<uint16_t>(load32(record));
  out.misc = load16(record + 4);
  if (out.type == PERF_RECORD_SAMPLE) parse_sample(out, record, size, layout);
  else parse_other(out, record, size, layout);
  return out;
}

}  // namespace kernscope
