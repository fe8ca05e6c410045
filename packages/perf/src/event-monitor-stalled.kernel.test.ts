import { writeFileSync } from "node:fs";
import { requires } from "@kernscope/test-support";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { EventMonitor } from "./event-monitor.js";

const onKernel = requires({ perf: true });

const RENAMES = 3_000;

for (const [rings, options] of [
  ["the shared rings", {}],
  ["rings of its own", { ringSize: 1024 * 1024 }],
] as const) {
  onKernel(
    `what waits in ${rings} while nothing runs outlives its event: unregistered, or with another filter`,
    async () => {
      await using monitor = await EventMonitor.open({ spanSize: 256 * 1024, ringSize: 1024 * 1024 });
      let seen = 0;
      // Laid out otherwise than the records of the rings' owners.
      const sampled = { ...options, sample: { ip: true } };
      const renames = await monitor.registerTracepoint(
        "task/task_rename",
        ({ pid }) => (seen += pid === process.pid ? 1 : 0),
        {
          ...sampled,
        },
      );
      const unwanted = await monitor.registerTracepoint("task/task_rename", () => assert.unreachable(), sampled);
      for (let i = 0; i < RENAMES; i++) writeFileSync("/proc/self/comm", "ks-stalled");
      while (monitor.stats().stalls === 0) await new Promise((resolve) => setTimeout(resolve, 5));
      await monitor.unregister(unwanted);
      await monitor.setFilter(renames, 'newcomm == "ks-other"');
      writeFileSync("/proc/self/comm", "ks-stalled");
      writeFileSync("/proc/self/comm", "ks-other");
      const run = monitor.run();
      await monitor.stop();
      await run;
      assert.is(seen, RENAMES + 1);
      const { total, unknown, corrupt, late } = await monitor.loss();
      assert.is(total.hits, BigInt(total.delivered + total.discarded) + (total.lost ?? 0n));
      assert.ok(total.discarded >= RENAMES);
      assert.equal([unknown, corrupt, late], [0, 0, 0]);
    },
  );
}

test.run();
