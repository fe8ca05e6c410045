// How long the reader waits between two looks at the rings.
#pragma once

#include <algorithm>
#include <cstdint>

namespace kernscope {

struct Ticks {
  uint64_t tick_nanos = 0;
  // Where few records come.
  uint64_t quick_tick_nanos = 0;
  // What a tick grows to while none comes.
  uint64_t rest_tick_nanos = 0;
  // Records that make a look worth what it costs.
  uint64_t batch = 0;

  // So many records at a time are many: they wait for others.
  static constexpr uint64_t kMany = 4;
  // So many ticks pass at most until a batch is together.
  static constexpr uint64_t kMostTicks = 4;
  // While no record comes the tick grows with the silence: the next record waits no longer than this part of it.
  static constexpr uint64_t kRestShare = 20;

  // The tick after `passed` nanoseconds that brought so many records, if more come as these did.
  uint64_t usual(uint64_t records, uint64_t passed) const {
    if (records < kMany) return quick_tick_nanos;
    return std::clamp(passed * batch / records, tick_nanos, kMostTicks * tick_nanos);
  }

  // The least tick after so many nanoseconds without a record.
  uint64_t resting(uint64_t silence) const { return std::min(silence / kRestShare, rest_tick_nanos); }
};

}  // namespace kernscope
