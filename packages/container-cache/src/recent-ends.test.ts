import { test } from "uvu";
import * as assert from "uvu/assert";
import type { SeenEnd } from "./container-registry.js";
import { RecentEnds } from "./recent-ends.js";

test("of each pid the last end, for as many ends as are kept", () => {
  const recent = new RecentEnds(8);
  const made: [number, SeenEnd][] = [];
  for (let turn = 0; turn < 50; turn++) {
    const pid = 1 + ((turn * 7) % 5);
    const end = { end: { status: turn, signal: 0, oomKilled: false } } as SeenEnd;
    made.push([pid, end]);
    recent.add(pid, end);
    for (let asked = 0; asked < 7; asked++) {
      const last = made.slice(-8).findLast(([one]) => one === asked);
      assert.is(recent.get(asked), last?.[1], `${asked} after ${turn}`);
    }
  }
});

test.run();
