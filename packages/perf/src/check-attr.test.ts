import { test } from "uvu";
import * as assert from "uvu/assert";
import { FakeKernel } from "./testing/index.js";

async function refused(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => "accepted",
    (error) => error.code,
  );
}

test("numbers that are none of the kernel's are refused before anything is acquired", async () => {
  const kernel = new FakeKernel();
  await using monitor = await kernel.openMonitor();
  kernel.source.onOpen = () => assert.unreachable("opened");
  const none = () => {};
  for (const bad of [1.5, Infinity, 2 ** 60]) {
    const masks = [{ userRegisters: bad }, { interruptRegisters: bad }, { branchStack: bad }];
    for (const sample of masks) {
      assert.is(await refused(monitor.registerTracepoint("task/task_rename", none, { sample })), "invalid");
      assert.is(await refused(monitor.registerKprobe("do_exit", none, { sample })), "invalid");
      assert.is(
        await refused(monitor.registerCounterGroup([{ software: "PAGE_FAULTS" }], none, { sample })),
        "invalid",
      );
    }
    const attr = { samplePeriod: bad };
    assert.is(await refused(monitor.registerTracepoint("task/task_rename", none, { attr })), "invalid");
    assert.is(await refused(monitor.registerSideBand(["exit"], none, { attr: { config3: bad } })), "invalid");
    for (const counters of [[{ raw: bad }], [{ software: "PAGE_FAULTS" }, { raw: bad }]] as const) {
      assert.is(await refused(monitor.registerCounterGroup(counters, none)), "invalid", String(bad));
    }
    const period = bad;
    assert.is(await refused(monitor.registerCounterGroup([{ software: "PAGE_FAULTS" }], none, { period })), "invalid");
  }
  assert.is(kernel.tracing.probes.probes.size, 0);
});

test("whole numbers and bigints are taken", async () => {
  const kernel = new FakeKernel();
  await using monitor = await kernel.openMonitor();
  const sample = { userRegisters: 2 ** 40, interruptRegisters: 1n << 63n };
  await monitor.registerTracepoint("task/task_rename", () => {}, { sample });
  await monitor.registerCounterGroup([{ raw: (1n << 64n) - 1n }], () => {}, { period: 1n << 60n });
  assert.is(kernel.source.events.size, 2);
});

test.run();
