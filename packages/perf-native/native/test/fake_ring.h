// The kernel's end of a ring of any power of two, for tests.
#pragma once

#include <linux/perf_event.h>

#include <cstring>
#include <span>
#include <vector>

#include "../kernel_ring.h"

namespace kernscope::test {

// A record: header, identifier, pid and tid, time, cpu, then raw data of `payload` bytes.
inline std::vector<uint8_t> sample(uint64_t id, uint64_t time, uint32_t payload = 4, uint8_t fill = 0xaa) {
  const uint32_t raw = payload + (8 - (payload + 4) % 8) % 8;
  std::vector<uint8_t> record(8 + 8 + 8 + 8 + 8 + 4 + raw, fill);
  const uint32_t type = PERF_RECORD_SAMPLE;
  const uint16_t misc = 1;
  const uint16_t size = static_cast<uint16_t>(record.size());
  const uint32_t ids[2] = {100, 101};
  const uint64_t cpu = 3;
  std::memcpy(&record[0], &type, 4);
  std::memcpy(&record[4], &misc, 2);
  std::memcpy(&record[6], &size, 2);
  std::memcpy(&record[8], &id, 8);
  std::memcpy(&record[16], ids, 8);
  std::memcpy(&record[24], &time, 8);
  std::memcpy(&record[32], &cpu, 8);
  std::memcpy(&record[40], &raw, 4);
  return record;
}

constexpr uint64_t kSampleType =
    PERF_SAMPLE_IDENTIFIER | PERF_SAMPLE_TID | PERF_SAMPLE_TIME | PERF_SAMPLE_CPU | PERF_SAMPLE_RAW;

class FakeRing {
 public:
  explicit FakeRing(uint64_t size, uint64_t start = 0) : data(size), head(start), tail(start) {}
  KernelRing reader() { return KernelRing(data.data(), data.size(), &head, &tail); }
  bool fits(uint64_t size) const { return head + size - tail <= data.size(); }
  void write(std::span<const uint8_t> record) {
    for (uint8_t byte : record) data[head++ & (data.size() - 1)] = byte;
  }
  std::vector<uint8_t> data;
  uint64_t head;
  uint64_t tail;
};

}  // namespace kernscope::test
