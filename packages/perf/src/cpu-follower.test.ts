import { PerfNativeError } from "@kernscope/perf-native";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { FakeKernel } from "./testing/index.js";

const RENAME = "task/task_rename";

function later(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

test("CPU hotplug: one that comes is watched and told", async () => {
  const kernel = new FakeKernel();
  await using monitor = await kernel.openMonitor({ hotplugInterval: 1, lossInterval: 1 });
  let cpus: number[] = [];
  await monitor.registerTracepoint(RENAME, ({ cpu }) => cpus.push(cpu));
  const told: number[] = [];
  monitor.onLoss(({ cpusCame }) => told.push(cpusCame));
  const run = monitor.run();
  kernel.source.plug(5);
  while (monitor.cpus.length < 3) await later(1);
  assert.equal(monitor.cpus, [0, 1, 5]);
  kernel.emit(RENAME, {}, { cpu: 5 });
  await monitor.stop();
  await run;
  assert.equal(cpus, [5]);
  assert.equal(told, [1]);
  assert.is((await monitor.loss()).events[0]?.byCpu.length, 3);
  cpus = [];
  const second = await monitor.registerTracepoint(RENAME, ({ cpu }) => cpus.push(cpu));
  kernel.emit(RENAME, {}, { cpu: 5 });
  kernel.deliver();
  assert.ok(second > 0);
});

test("why a CPU could not be taken in ends the run", async () => {
  const kernel = new FakeKernel();
  kernel.source.followCpus = async () => {
    throw new PerfNativeError("system", "x", { errno: "EMFILE", operation: "perf_event_open" });
  };
  await using monitor = await kernel.openMonitor({ hotplugInterval: 1 });
  // A fake keeps no process alive.
  const alive = setInterval(() => {}, 1000);
  const error = await monitor.run().catch((error) => error);
  clearInterval(alive);
  assert.is(error.code, "system");
  assert.match(error.message, /^perf_event_open\(\): EMFILE – raise the limit/);
});

test("0: CPUs are not looked at", async () => {
  const kernel = new FakeKernel();
  await using monitor = await kernel.openMonitor({ hotplugInterval: 0 });
  kernel.source.plug(5);
  await later(20);
  assert.equal(monitor.cpus, [0, 1]);
});

test.run();
