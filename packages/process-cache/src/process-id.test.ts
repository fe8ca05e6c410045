import { test } from "uvu";
import * as assert from "uvu/assert";
import { isStartOf, likelyStartTick, NANOS_PER_TICK, ProcessIds, startTick } from "./process-id.js";

test("an id is made of boot, pid and tick, and nothing else", () => {
  const ids = new ProcessIds("62d6e022-fde8-45a5-82a9-81903f6a1e68\n");
  assert.is(ids.of(4711, 290597), "62d6e022fde8-4711-290597");
  const values = [ids.of(1, 23), ids.of(12, 3), new ProcessIds("72d6e022-fde8").of(1, 23)];
  assert.is(new Set(values).size, 3);
});

test("in the middle of a tick the fork event's time tells it", () => {
  assert.is(startTick(5 * NANOS_PER_TICK + 5_000_000), 5);
  assert.is(startTick(5 * NANOS_PER_TICK + 1_000_000), 5);
  assert.is(startTick(6 * NANOS_PER_TICK - 30_000), 5);
});

test("near a tick's boundary the tick is in doubt", () => {
  assert.is(startTick(5 * NANOS_PER_TICK), undefined);
  assert.is(startTick(5 * NANOS_PER_TICK + 500_000), undefined);
  assert.is(startTick(6 * NANOS_PER_TICK - 10_000), undefined);
});

test("whatever the delay within its bounds, a tick that is told is the kernel's", () => {
  for (let start = 0; start < 3 * NANOS_PER_TICK; start += 99_991) {
    for (const delay of [0, 3_000, 60_000, 700_000, 990_000]) {
      const told = startTick(start + delay);
      if (told !== undefined) assert.is(told, Math.floor(start / NANOS_PER_TICK));
      assert.ok(isStartOf(start + delay, Math.floor(start / NANOS_PER_TICK)));
    }
  }
});

test("a reused pid's start time is not taken for the fork's", () => {
  assert.not(isStartOf(50 * NANOS_PER_TICK, 47));
  assert.not(isStartOf(50 * NANOS_PER_TICK, 53));
  assert.is(likelyStartTick(0), 0);
});

test.run();
