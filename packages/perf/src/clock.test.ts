import { test } from "uvu";
import * as assert from "uvu/assert";
import { MonitorClock } from "./clock.js";
import { VirtualClock } from "./testing/index.js";

test("elapsed time on other clocks, exactly", () => {
  const virtual = new VirtualClock(5_000_000_000n);
  virtual.asleep = 7_000_000_000n;
  const clock = new MonitorClock(1, virtual.read);
  assert.is(clock.origin, 5_000_000_000n);
  virtual.advance(123_456_789);
  assert.is(clock.now(), 123_456_789);
  assert.is(clock.toUnixNanos(123_456_789), virtual.unixOrigin + 5_123_456_789n);
  assert.is(clock.toUnixMillis(2_000_000), Number(virtual.unixOrigin / 1_000_000n) + 5002);
  assert.is(clock.toBootNanos(5), 12_000_000_005);
  assert.is(clock.fromBootNanos(12_000_000_005), 5);
});

test("a refresh follows a clock that was set, and sleep", () => {
  const virtual = new VirtualClock();
  const clock = new MonitorClock(1, virtual.read);
  const before = clock.toUnixNanos(0);
  virtual.unixOrigin += 3_600_000_000_000n;
  virtual.asleep = 10n;
  assert.is(clock.toUnixNanos(0), before);
  clock.refresh();
  assert.is(clock.toUnixNanos(0), before + 3_600_000_000_000n);
  assert.is(clock.toBootNanos(0), Number(virtual.now) + 10);
});

test("the reading with the least disturbance counts", () => {
  // Each reading takes three looks: the clock, the other clock, the clock again.
  const gaps = [1000n, 10n, 500n];
  let now = 0n;
  let looks = 0;
  const clock = new MonitorClock(1, (clockId) => {
    if (clockId !== 1) return 1_000_000n + now;
    // The first look is the origin; of each later pair the second comes after the gap.
    if (looks > 0 && looks % 2 === 0) now += gaps[(looks / 2 - 1) % 3] ?? 0n;
    looks++;
    return now;
  });
  // What was read half-way through a gap of 10 is off by 5.
  assert.is(clock.toUnixNanos(0), 1_000_000n - 5n);
});

test.run();
