// How a record lies in the span memory; src/record-layout.ts says the same to JavaScript.
#pragma once

#include <cstddef>
#include <cstdint>

namespace kernscope {

struct RecordHeader {
  uint32_t length;
  uint16_t type;
  uint16_t flags;
  uint32_t event;
  uint32_t cpu;
  uint64_t time;
  uint32_t pid;
  uint32_t tid;
  uint64_t cgroup;
  uint32_t raw_size;
  uint32_t misc;
  uint32_t head_size;
  uint32_t tail_size;
  uint64_t id;
};
static_assert(sizeof(RecordHeader) == 64);

constexpr uint32_t kNoEvent = 0xffffffffu;
constexpr uint16_t kFlagLate = 1;
constexpr uint16_t kFlagCorrupt = 2;
constexpr uint16_t kFlagStackRead = 4;

constexpr uint64_t align8(uint64_t size) { return (size + 7) & ~uint64_t{7}; }

}  // namespace kernscope
