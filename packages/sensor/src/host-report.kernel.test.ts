import { readdirSync } from "node:fs";
import { release } from "node:os";
import { requires } from "@kernscope/test-support";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { eventKinds } from "./event-kinds.js";
import { hostReport } from "./host-report.js";

requires({ root: true, perf: true })("where a sensor runs the report says so, and nothing stays open", async () => {
  await hostReport();
  const before = readdirSync("/proc/self/fd").length;
  const report = await hostReport();
  assert.is(report.obstacle, undefined);
  assert.is(report.kernel, release());
  assert.is(report.uid, 0);
  assert.ok(report.privileges.CAP_PERFMON || report.privileges.CAP_SYS_ADMIN);
  assert.ok(report.features.perfEvents.supported && report.features.tracefs.supported);
  assert.equal(
    report.capabilities.kinds.map(({ kind }) => kind),
    eventKinds,
  );
  assert.ok(report.runtimes.length > 0);
  assert.is(readdirSync("/proc/self/fd").length, before);
});

test.run();
