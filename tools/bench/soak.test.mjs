import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { soak } from "./monitor/soak.mjs";

setFlagsFromString("--expose-gc");
globalThis.gc = runInNewContext("gc");

test("a monitor that many records pass through does not grow", async () => {
  const { records, grown, rss } = await soak(2_000_000);
  assert.ok(records >= 2_000_000);
  assert.ok(grown < 1024, `the heap grew by ${grown} KiB`);
  assert.ok(rss < 16 * 1024, `RSS grew by ${rss} KiB`);
});

test.run();
