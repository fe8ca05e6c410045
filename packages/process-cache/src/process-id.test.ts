import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  earliestStartTick,
  isStartOf,
  latestStartTick,
  likelyStartTick,
  NANOS_PER_TICK,
  ProcessIds,
} from "./process-id.js";

test("an id is made of boot, pid and tick, and nothing else", () => {
  const ids = new ProcessIds("62d6e022-fde8-45a5-82a9-81903f6a1e68\n");
  assert.is(ids.of(4711, 290597), "62d6e022fde8-4711-290597");
  assert.is(ids.of(4711, 290597, 2), "62d6e022fde8-4711-290597-2");
  const values = [ids.of(1, 23), ids.of(12, 3), ids.of(1, 2, 3), new ProcessIds("72d6e022-fde8").of(1, 23)];
  assert.is(new Set(values).size, 4);
});

test("a process begins before its fork event and after what its maker did before", () => {
  const tick = (at: number) => at * NANOS_PER_TICK;
  for (const delay of [0, 3_000, 700_000, 20e6, 300e6]) {
    for (let start = tick(40); start < tick(43); start += 99_991) {
      for (const drift of [-190_000, 190_000]) {
        const began = Math.floor(start / NANOS_PER_TICK);
        assert.ok(earliestStartTick(start - 1000 + drift) <= began);
        assert.ok(latestStartTick(start + delay + drift) >= began);
      }
    }
  }
  assert.is(earliestStartTick(tick(5.5)), 5);
  assert.is(latestStartTick(tick(5.5)), 5);
  assert.is(earliestStartTick(0), 0);
});

test("a reused pid's start time is not taken for the fork's", () => {
  assert.ok(isStartOf(50 * NANOS_PER_TICK, 50, 1));
  assert.ok(isStartOf(50 * NANOS_PER_TICK, 47, 3));
  assert.not(isStartOf(50 * NANOS_PER_TICK, 47, 2));
  assert.not(isStartOf(50 * NANOS_PER_TICK, 51, 100));
  assert.is(likelyStartTick(0), 0);
});

test.run();
