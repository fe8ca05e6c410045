#include "../ticks.h"

#include "check.h"

namespace kernscope::test {
namespace {

constexpr uint64_t kMilli = 1'000'000;

void few_records_are_looked_for_quickly() {
  const Ticks ticks{.tick_nanos = 5 * kMilli, .quick_tick_nanos = kMilli, .batch = 1000};
  for (uint64_t records = 0; records < 4; ++records) CHECK(ticks.usual(records, 5 * kMilli) == kMilli);
  CHECK(ticks.usual(4, 5 * kMilli) != kMilli);
}

void many_wait_until_a_batch_is_together() {
  const Ticks ticks{.tick_nanos = 5 * kMilli, .quick_tick_nanos = kMilli, .batch = 100};
  // 100 of them come in 10 ms, in 19, in 25, in 2.
  CHECK(ticks.usual(50, 5 * kMilli) == 10 * kMilli);
  CHECK(ticks.usual(100, 19 * kMilli) == 19 * kMilli);
  CHECK(ticks.usual(20, 5 * kMilli) == 20 * kMilli);
  CHECK(ticks.usual(250, 5 * kMilli) == 5 * kMilli);
}

void without_a_batch_no_tick_is_longer() {
  const Ticks ticks{.tick_nanos = 5 * kMilli, .quick_tick_nanos = kMilli};
  for (uint64_t records : {4, 100, 1'000'000}) CHECK(ticks.usual(records, 40 * kMilli) == 5 * kMilli);
}

void silence_makes_ticks_longer() {
  const Ticks ticks{.rest_tick_nanos = 50 * kMilli};
  CHECK(ticks.resting(0) == 0);
  CHECK(ticks.resting(100 * kMilli) == 5 * kMilli);
  CHECK(ticks.resting(1000 * kMilli) == 50 * kMilli);
  CHECK(ticks.resting(5000 * kMilli) == 50 * kMilli);
}

}  // namespace

void ticks_tests() {
  few_records_are_looked_for_quickly();
  many_wait_until_a_batch_is_together();
  without_a_batch_no_tick_is_longer();
  silence_makes_ticks_longer();
}

}  // namespace kernscope::test
