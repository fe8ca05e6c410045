import type { EventCount } from "@kernscope/perf-native";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { EventMonitor } from "./event-monitor.js";
import { MAX_ENDED } from "./kernel-events.js";
import type { LossReport } from "./loss-report.js";
import { FakeKernel, RecordBuilder } from "./testing/index.js";

const SIGNAL = "signal/signal_generate";

function count(cpu: number, value: bigint, lost: bigint | undefined) {
  return { cpu, pid: -1, value, timeEnabled: 0n, timeRunning: 0n, lost };
}

function setCounts(kernel: FakeKernel, id: number, counts: EventCount[]): void {
  const event = kernel.source.events.get(id);
  if (event === undefined) throw new Error("not open");
  event.counts = counts;
}

/** Hands out all that is there. */
async function finish(monitor: EventMonitor): Promise<void> {
  const run = monitor.run();
  await monitor.stop();
  await run;
}

function later(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

test("the account adds up by event and in total, over unregistering too", async () => {
  const kernel = new FakeKernel();
  await using monitor = await kernel.openMonitor();
  const a = await monitor.registerTracepoint(SIGNAL, () => {});
  const b = await monitor.registerTracepoint("task/task_rename", () => {});
  kernel.source.count({ unknown: 3, lost: 3, stalls: 1 });
  for (let sig = 0; sig < 9; sig++) kernel.emit(SIGNAL, { sig }, { cpu: sig % 2, lost: sig % 3 === 0 });
  setCounts(kernel, b, [count(0, 10n, 0n)]);
  void monitor.run();
  await monitor.stop();
  const report = await monitor.loss();
  assert.equal(report.total, { hits: 19n, lost: 3n, delivered: 6, discarded: 0, missed: 0n, throttled: 0 });
  assert.equal(report.events[0], {
    id: a,
    name: SIGNAL,
    hits: 9n,
    lost: 3n,
    delivered: 6,
    discarded: 0,
    throttled: 0,
    byCpu: [
      { cpu: 0, pid: -1, hits: 5n, lost: 2n },
      { cpu: 1, pid: -1, hits: 4n, lost: 1n },
    ],
  });
  assert.equal([report.unknown, report.ringLost, report.stalls, report.late, report.corrupt], [3, 3, 1, 0, 0]);
  await monitor.unregister(a);
  const after = await monitor.loss();
  assert.equal(after.total, report.total);
  assert.equal(
    after.events.map(({ id }) => id),
    [b],
  );
});

test("a kernel that does not count losses leaves them unknown", async () => {
  const kernel = new FakeKernel();
  await using monitor = await kernel.openMonitor();
  const id = await monitor.registerTracepoint(SIGNAL, () => {});
  setCounts(kernel, id, [count(0, 5n, undefined)]);
  const { total, events } = await monitor.loss();
  assert.equal(total, { hits: 5n, lost: undefined, delivered: 0, discarded: 0, missed: 0n, throttled: 0 });
  assert.is(events[0]?.lost, undefined);
});

test("listeners hear of what is new, while records flow and once after", async () => {
  const kernel = new FakeKernel();
  await using monitor = await kernel.openMonitor({ lossInterval: 5 });
  const reports: LossReport[] = [];
  const remove = monitor.onLoss((report) => reports.push(report));
  const id = await monitor.registerTracepoint(SIGNAL, () => {});
  void monitor.run();
  await later(20);
  setCounts(kernel, id, [count(0, 5n, 2n)]);
  await later(20);
  assert.is(reports.length, 0, "no record flowed");
  kernel.emit(SIGNAL);
  await later(40);
  assert.is(reports.length, 1);
  assert.is(reports[0]?.total.lost, 2n);
  kernel.emit(SIGNAL);
  await later(40);
  assert.is(reports.length, 1, "nothing new");
  setCounts(kernel, id, [count(0, 5n, 3n)]);
  await monitor.stop();
  assert.is(reports.length, 2, "the end of the run is a look");
  remove();
  void monitor.run();
  setCounts(kernel, id, [count(0, 5n, 4n)]);
  await monitor.stop();
  assert.is(reports.length, 2);
});

test("where the kernel counts no losses, listeners hear of what its records tell", async () => {
  const kernel = new FakeKernel({ countsLost: false });
  await using monitor = await kernel.openMonitor();
  const reports: LossReport[] = [];
  monitor.onLoss((report) => reports.push(report));
  await monitor.registerTracepoint(SIGNAL, () => {});
  kernel.emit(SIGNAL);
  await finish(monitor);
  assert.is(reports.length, 0, "nothing was lost");
  kernel.emit(SIGNAL, {}, { lost: true });
  await finish(monitor);
  assert.equal(
    reports.map(({ total, ringLost }) => [total.hits, total.lost, ringLost]),
    [[2n, undefined, 1]],
  );
});

test("listeners hear of what was throttled, and it stays in the total", async () => {
  const kernel = new FakeKernel();
  await using monitor = await kernel.openMonitor();
  const reports: LossReport[] = [];
  monitor.onLoss((report) => reports.push(report));
  const event = await monitor.registerTracepoint(SIGNAL, () => {});
  // PERF_RECORD_THROTTLE
  kernel.source.feed(new RecordBuilder().record({ event, time: kernel.clock.now, type: 5 }, new Uint8Array(24)));
  await finish(monitor);
  assert.equal(
    reports.map(({ total, events }) => [total.throttled, events[0]?.throttled]),
    [[1, 1]],
  );
  await monitor.unregister(event);
  await finish(monitor);
  assert.is(reports.length, 1, "nothing new");
  assert.is((await monitor.loss()).total.throttled, 1);
});

test("a filter that is replaced while the counts are read does not harm the reading", async () => {
  const kernel = new FakeKernel();
  await using monitor = await kernel.openMonitor();
  const id = await monitor.registerTracepoint(SIGNAL, () => {});
  kernel.emit(SIGNAL);
  const { source } = kernel;
  const counts = source.counts.bind(source);
  let replaced: Promise<void> | undefined;
  source.counts = async (index) => {
    source.counts = counts;
    // This reading has to wait until the event is closed.
    replaced = monitor.setFilter(id, "sig > 0");
    await replaced;
    return counts(index);
  };
  assert.is((await monitor.loss()).total.hits, 1n);
  await replaced;
});

test("an event whose last counts cannot be read is closed all the same, and the loss is unknown", async () => {
  const kernel = new FakeKernel();
  await using monitor = await kernel.openMonitor();
  const id = await monitor.registerTracepoint(SIGNAL, () => {});
  const other = await monitor.registerTracepoint("task/task_rename", () => {});
  const { source } = kernel;
  const counts = source.counts.bind(source);
  source.counts = (index) => (index === id ? Promise.reject(new Error("no counts")) : counts(index));
  const error = await monitor.unregister(id).catch((error) => error);
  assert.is(error.message, `unregister(${SIGNAL}): no counts`);
  assert.equal([...source.events.keys()], [other]);
  const { total, events } = await monitor.loss();
  assert.is(total.lost, undefined);
  assert.is(events.length, 1);
});

test("what was unregistered is let go of, though the monitor never runs; its records are still counted", async () => {
  const kernel = new FakeKernel();
  await using monitor = await kernel.openMonitor();
  const first = await monitor.registerTracepoint(SIGNAL, () => {});
  kernel.emit(SIGNAL);
  await monitor.unregister(first);
  for (let round = 0; round < MAX_ENDED; round++) {
    await monitor.unregister(await monitor.registerTracepoint("task/task_rename", () => {}));
  }
  const last = await monitor.registerTracepoint(SIGNAL, () => {});
  kernel.emit(SIGNAL);
  await monitor.unregister(last);
  await finish(monitor);
  const { total, unknown } = await monitor.loss();
  assert.equal([total.hits, total.discarded, unknown], [2n, 1, 1]);
});

test("counts that cannot be read end the run with an error", async () => {
  const kernel = new FakeKernel();
  await using monitor = await kernel.openMonitor({ lossInterval: 1 });
  monitor.onLoss(() => {});
  await monitor.registerTracepoint(SIGNAL, () => {});
  kernel.source.counts = () => Promise.reject(new Error("no counts"));
  const run = monitor.run();
  kernel.emit(SIGNAL);
  const [error] = await Promise.all([run.catch((error) => error), later(40)]);
  assert.is(error.message, "loss(): no counts");
});

test.run();
