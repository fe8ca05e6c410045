// Where the fields of a record are: the order of perf_event_open(2)'s PERF_RECORD_SAMPLE and of its `sample_id`.
#pragma once

#include <linux/perf_event.h>

#include <cstddef>
#include <cstdint>

namespace kernscope {

// What of perf_event_attr decides how an event's records are laid out.
struct SampleLayout {
  uint64_t sample_type = 0;
  uint64_t read_format = 0;
  uint64_t branch_sample_type = 0;
  uint64_t regs_user = 0;
  uint64_t regs_intr = 0;

  // A sample has IDENTIFIER, TID, TIME, CPU, RAW and nothing else but, behind them, the cgroup: each has a fixed place.
  bool is_plain() const { return (sample_type & ~kCgroup) == kPlain; }
  bool has_cgroup() const { return sample_type & kCgroup; }

  // Reads the fields out of a packed perf_event_attr of at least 104 bytes.
  static SampleLayout from_attr(const uint8_t* attr);

 private:
  static constexpr uint64_t kCgroup = 1u << 21;  // newer than the uapi headers that this may be built against
  static constexpr uint64_t kPlain =
      PERF_SAMPLE_IDENTIFIER | PERF_SAMPLE_TID | PERF_SAMPLE_TIME | PERF_SAMPLE_CPU | PERF_SAMPLE_RAW;
};

// Where the fields of a plain sample lie.
namespace plain {
constexpr uint32_t kId = 8;
constexpr uint32_t kPid = 16;
constexpr uint32_t kTid = 20;
constexpr uint32_t kTime = 24;
constexpr uint32_t kRawSize = 40;
constexpr uint32_t kRaw = 44;
}  // namespace plain

// The stack pointer's number in asm/perf_regs.h.
#if defined(__aarch64__)
constexpr unsigned kStackPointer = 31;
#else
constexpr unsigned kStackPointer = 7;
#endif

// A half-open range of bytes in a record.
struct Range {
  uint32_t begin = 0;
  uint32_t end = 0;
  uint32_t size() const { return end - begin; }
};

// One record taken apart; the ranges count from the record's first byte.
struct ParsedRecord {
  uint16_t type = 0;
  uint16_t misc = 0;
  bool corrupt = false;
  uint32_t pid = 0;
  uint32_t tid = 0;
  uint32_t cpu = 0;
  uint64_t time = 0;
  uint64_t id = 0;
  uint64_t cgroup = 0;
  Range raw;          // raw data of a sample, body of any other record
  Range head;         // sample fields before the raw data; empty where the header holds them all
  Range tail;         // sample fields after it
  Range stack_cut;    // inside tail: bytes of the user stack that are not valid, and its trailing dyn_size
  uint64_t stack_size = 0;     // valid bytes of the user stack
  uint64_t stack_pointer = 0;  // of the user registers; 0 where it was not sampled
  bool has_stack = false;
};

// The identifier of the event that a record belongs to: first field of a sample, last of any other record.
// `record` holds `size` bytes, at least 16.
uint64_t record_identifier(const uint8_t* record, uint32_t size);

// The time of a record, without the rest; 0 where it is too short to have one.
uint64_t record_time(const uint8_t* record, uint32_t size, const SampleLayout& layout);

// Takes a record of `size` bytes apart. Never reads outside it; what does not fit the layout sets `corrupt`.
ParsedRecord parse_record(const uint8_t* record, uint32_t size, const SampleLayout& layout);

}  // namespace kernscope
