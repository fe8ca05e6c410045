import { test } from "uvu";
import * as assert from "uvu/assert";
import type { PerfError } from "./errors.js";
import type { EventMonitor } from "./event-monitor.js";
import { FakeKernel, RecordBuilder } from "./testing/index.js";

const SIGNAL = "signal/signal_generate";
const RENAME = "task/task_rename";

/** Emits signals numbered from 1. */
function emit(kernel: FakeKernel, count: number, first = 1): void {
  for (let sig = first; sig < first + count; sig++) kernel.emit(SIGNAL, { sig });
}

async function finish(monitor: EventMonitor, run: Promise<void>): Promise<void> {
  await monitor.stop();
  await run;
}

test("handlers added while dispatching get the next record, removed ones none", async () => {
  const kernel = new FakeKernel();
  await using monitor = await kernel.openMonitor();
  const seen: string[] = [];
  const id = await monitor.registerTracepoint(SIGNAL, (_record, { sig }) => {
    seen.push(`a${sig}`);
    if (sig === 1) monitor.addHandler(id, (_, data) => seen.push(`c${data.sig}`));
    if (sig === 2) removeB();
  });
  const removeB = monitor.addHandler(id, (_record, { sig }) => seen.push(`b${sig}`));
  emit(kernel, 3);
  await finish(monitor, monitor.run());
  assert.equal(seen, ["a1", "b1", "a2", "c2", "a3", "c3"]);
  removeB();
});

test("a handler may unregister its own event, and others", async () => {
  const kernel = new FakeKernel();
  await using monitor = await kernel.openMonitor();
  const seen: unknown[] = [];
  const group = monitor.createGroup();
  const id = await monitor.registerTracepoint(
    SIGNAL,
    (_record, { sig }) => {
      seen.push(sig);
      if (sig === 2) void monitor.unregister(group);
    },
    { group },
  );
  monitor.addHandler(id, (_record, { sig }) => seen.push(`second ${sig}`));
  await monitor.registerTracepoint(SIGNAL, (_record, { sig }) => seen.push(`other ${sig}`), { group });
  await monitor.registerTracepoint(RENAME, (_record, { newcomm }) => seen.push(newcomm));
  emit(kernel, 3);
  kernel.emit(RENAME, { newcomm: "still here" });
  await finish(monitor, monitor.run());
  assert.equal(seen, [1, "second 1", "other 1", 2, "still here"]);
  await new Promise((resolve) => setTimeout(resolve, 5));
  assert.is(kernel.source.events.size, 1);
  assert.throws(() => monitor.fields(id), /fields\(event 0\): not registered/);
});

test("what a handler throws ends the run; the next run goes on with the next record", async () => {
  const kernel = new FakeKernel();
  await using monitor = await kernel.openMonitor();
  const seen: unknown[] = [];
  await monitor.registerTracepoint(SIGNAL, (_record, { sig }) => {
    seen.push(sig);
    if (sig === 2) throw new Error("two");
  });
  emit(kernel, 4);
  const failed = await monitor.run().catch((error) => error);
  assert.is(failed.message, "two");
  assert.equal(seen, [1, 2]);
  emit(kernel, 1, 5);
  await finish(monitor, monitor.run());
  assert.equal(seen, [1, 2, 3, 4, 5]);
});

test("with onHandlerError the stream goes on, other handlers included", async () => {
  const kernel = new FakeKernel();
  const errors: string[] = [];
  await using monitor = await kernel.openMonitor({
    onHandlerError: (error, id) => errors.push(`${id}: ${(error as Error).message}`),
  });
  const seen: unknown[] = [];
  const id = await monitor.registerTracepoint(SIGNAL, (_record, { sig }) => {
    throw new Error(`first ${sig}`);
  });
  monitor.addHandler(id, (_record, { sig }) => seen.push(sig));
  emit(kernel, 2);
  await finish(monitor, monitor.run());
  assert.equal(errors, ["0: first 1", "0: first 2"]);
  assert.equal(seen, [1, 2]);
});

test("a record that is too short is marked corrupt and counted, and reads as empty", async () => {
  const kernel = new FakeKernel();
  await using monitor = await kernel.openMonitor();
  const seen: unknown[] = [];
  const event = await monitor.registerTracepoint(RENAME, (record, { pid, newcomm }) => {
    seen.push([record.corrupt, record.pid, pid, newcomm]);
  });
  const raw = Uint8Array.of(204, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0);
  kernel.source.feed(new RecordBuilder().record({ event, pid: 5, time: kernel.clock.now }, raw));
  kernel.source.feed(new RecordBuilder().record({ event, pid: 6, time: kernel.clock.now, corrupt: true }));
  await finish(monitor, monitor.run());
  assert.equal(seen, [
    [true, 5, 7, ""],
    [true, 6, 0, ""],
  ]);
  const { corrupt } = await monitor.loss();
  assert.is(corrupt, 2);
});

test("a late record says so", async () => {
  const kernel = new FakeKernel();
  await using monitor = await kernel.openMonitor();
  const seen: unknown[] = [];
  await monitor.registerTracepoint(SIGNAL, (record, { sig }) => seen.push([sig, record.late]));
  const run = monitor.run();
  const { origin } = monitor.clock;
  kernel.emit(SIGNAL, { sig: 2 }, { time: origin + 20n });
  kernel.deliver();
  kernel.emit(SIGNAL, { sig: 1 }, { time: origin + 10n });
  kernel.emit(SIGNAL, { sig: 3 }, { time: origin + 30n });
  await finish(monitor, run);
  assert.equal(seen, [
    [2, false],
    [1, true],
    [3, false],
  ]);
  assert.is((await monitor.loss()).late, 1);
});

test("closing from within a handler stops behind the record and gives the span back", async () => {
  const kernel = new FakeKernel();
  const monitor = await kernel.openMonitor();
  const seen: unknown[] = [];
  let closed: Promise<void> | undefined;
  await monitor.registerTracepoint(SIGNAL, (_record, { sig }) => {
    seen.push(sig);
    if (sig === 2) closed = monitor.close();
  });
  emit(kernel, 4);
  await monitor.run();
  await closed;
  assert.equal(seen, [1, 2]);
  assert.ok(kernel.source.closed);
  const error = await monitor.registerTracepoint(SIGNAL, () => {}).catch((error) => error);
  assert.is(error.code, "closed");
  assert.is(error.message, `registerTracepoint(${SIGNAL}): the monitor was closed`);
  assert.throws(() => monitor.registerExternalEvent("x"), /the monitor was closed/);
  await monitor.stop();
  await monitor.close();
});

test("stopping from within a handler hands out what happened before", async () => {
  const kernel = new FakeKernel();
  await using monitor = await kernel.openMonitor();
  const seen: unknown[] = [];
  await monitor.registerTracepoint(SIGNAL, (_record, { sig }) => {
    seen.push(sig);
    if (sig === 2) void monitor.stop();
  });
  emit(kernel, 4);
  await monitor.run();
  assert.equal(seen, [1, 2, 3, 4]);
  emit(kernel, 1, 5);
  await new Promise((resolve) => setImmediate(resolve));
  assert.is(seen.length, 4, "not running");
});

test("a monitor runs once at a time", async () => {
  const kernel = new FakeKernel();
  await using monitor = await kernel.openMonitor();
  const run = monitor.run();
  const error = await monitor.run().catch((error) => error);
  assert.is(error.message, "run(): the monitor is running – stop it first");
  await finish(monitor, run);
  await finish(monitor, monitor.run());
});

test("many spans are handed out in turns, so that other work is not kept waiting", async () => {
  const kernel = new FakeKernel({ spanSize: 4 << 20 });
  await using monitor = await kernel.openMonitor();
  const seen: number[] = [];
  await monitor.registerTracepoint<{ sig: number }>(SIGNAL, (_record, { sig }) => seen.push(sig));
  const count = 60_000;
  emit(kernel, count);
  const run = monitor.run();
  const first = seen.length;
  assert.ok(first > 0 && first < count, `${first} in the first turn`);
  let turns = 1;
  while (seen.length < count) {
    await new Promise((resolve) => setImmediate(resolve));
    turns++;
  }
  assert.ok(turns >= 3, `${turns} turns`);
  assert.ok(seen.every((sig, index) => sig === index + 1));
  await finish(monitor, run);
});

test("batch listeners are called after records, and not without", async () => {
  const kernel = new FakeKernel();
  await using monitor = await kernel.openMonitor();
  const seen: string[] = [];
  await monitor.registerTracepoint(SIGNAL, () => seen.push("record"));
  const remove = monitor.onBatchEnd(() => seen.push("end"));
  const run = monitor.run();
  emit(kernel, 2);
  kernel.deliver();
  kernel.clock.advance(1000);
  kernel.deliver();
  emit(kernel, 1);
  kernel.deliver();
  remove();
  emit(kernel, 1);
  kernel.deliver();
  assert.equal(seen, ["record", "record", "end", "record", "end", "record"]);
  await finish(monitor, run);
});

/** Notes records, and samples that come for a time that is past. */
async function openLate() {
  const kernel = new FakeKernel();
  const monitor = await kernel.openMonitor();
  const seen: string[] = [];
  const place = { pid: 1, tid: 1, cpu: 0, cgroup: 0, elapsed: 0 };
  const late = monitor.registerExternalEvent<string>("late", (_, text) => seen.push(text));
  await monitor.registerTracepoint(SIGNAL, () => seen.push("record"));
  return { kernel, monitor, seen, putLate: () => monitor.enqueueExternalSample(late, place, "late") };
}

test("what the end of the last batch puts in for a time that is past is handed out before the monitor stops", async () => {
  const { kernel, monitor: opened, seen, putLate } = await openLate();
  await using monitor = opened;
  let isFirst = true;
  monitor.onBatchEnd(() => {
    seen.push("end");
    if (isFirst) putLate();
    isFirst = false;
  });
  emit(kernel, 1);
  await finish(monitor, monitor.run());
  assert.equal(seen, ["record", "end", "late", "end"]);
});

test("what a stop listener puts in for a time that is past is handed out, behind all records, at every stop", async () => {
  const { kernel, monitor: opened, seen, putLate } = await openLate();
  await using monitor = opened;
  monitor.onBatchEnd(() => seen.push("end"));
  const remove = monitor.onStop(() => putLate());
  for (let round = 0; round < 2; round++) {
    const run = monitor.run();
    emit(kernel, 1);
    kernel.deliver();
    await finish(monitor, run);
  }
  assert.equal(seen, ["record", "end", "late", "end", "record", "end", "late", "end"]);
  remove();
  monitor.onStop(() => {
    throw new Error("no more");
  });
  const run = monitor.run();
  const failure = await finish(monitor, run).catch((error: Error) => error.message);
  assert.is(failure, "no more");
  // That stop is over: it does not end the next run.
  const next = monitor.run();
  emit(kernel, 1);
  kernel.deliver();
  await new Promise((resolve) => setImmediate(resolve));
  emit(kernel, 1);
  kernel.deliver();
  assert.is(seen.length, 12);
  await monitor.stop();
  await next.catch(() => {});
});

test("an external sample of the future waits for its time, and does not ask for it all the time", async () => {
  const kernel = new FakeKernel();
  await using monitor = await kernel.openMonitor();
  const { source, clock } = kernel;
  const seen: string[] = [];
  const external = monitor.registerExternalEvent<string>("note", (_, text) => seen.push(text));
  const put = (delay: number, text: string) => {
    const elapsed = monitor.clock.now() + delay;
    monitor.enqueueExternalSample(external, { pid: 0, tid: 0, cpu: 0, cgroup: 0, elapsed }, text);
  };
  let asked = 0;
  const ask = source.requestHorizon.bind(source);
  source.requestHorizon = () => {
    asked++;
    ask();
  };
  put(3600e9, "in an hour");
  const run = monitor.run();
  put(1800e9, "in half an hour");
  for (let turn = 0; turn < 20; turn++) {
    clock.advance(1000);
    source.deliver();
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.is(asked, 0);
  put(20e6, "soon");
  clock.advance(20e6);
  while (seen.length === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  assert.equal(seen, ["soon"]);
  assert.ok(asked < 3, `${asked} times`);
  clock.advance(3600e9);
  await finish(monitor, run);
  assert.equal(seen, ["soon", "in half an hour", "in an hour"]);
});

test("no more external samples are taken than may wait", async () => {
  const kernel = new FakeKernel();
  await using monitor = await kernel.openMonitor({ externalLimit: 2 });
  const seen: number[] = [];
  const external = monitor.registerExternalEvent<number>("note", (_, data) => seen.push(data));
  const put = (data: number) =>
    monitor.enqueueExternalSample(external, { pid: 0, tid: 0, cpu: 0, cgroup: 0, elapsed: 0 }, data);
  put(1);
  put(2);
  assert.throws(
    () => put(3),
    (error: PerfError) =>
      error.code === "busy" &&
      error.message.startsWith("enqueueExternalSample(note): 2 samples wait – run the monitor"),
  );
  await finish(monitor, monitor.run());
  put(4);
  await finish(monitor, monitor.run());
  assert.equal(seen, [1, 2, 4]);
});

test("only a running monitor keeps the process alive, and not after unref", async () => {
  const kernel = new FakeKernel();
  await using monitor = await kernel.openMonitor();
  const { source } = kernel;
  monitor.unref();
  const unreferenced = monitor.run();
  assert.not.ok(source.referenced);
  monitor.ref();
  assert.ok(source.referenced);
  await finish(monitor, unreferenced);
  assert.not.ok(source.referenced, "it does not run");
  const referenced = monitor.run();
  assert.ok(source.referenced);
  monitor.unref();
  assert.not.ok(source.referenced);
  monitor.ref();
  await finish(monitor, referenced);
});

test("records of side-band types do not reach sample handlers", async () => {
  const kernel = new FakeKernel();
  await using monitor = await kernel.openMonitor();
  let calls = 0;
  const event = await monitor.registerTracepoint(SIGNAL, () => calls++);
  const time = kernel.clock.now;
  kernel.source.feed(new RecordBuilder().record({ event, time, type: 3 }, new Uint8Array(64)));
  kernel.source.feed(new RecordBuilder().record({ time }, new Uint8Array(64)));
  await finish(monitor, monitor.run());
  assert.is(calls, 0);
});

test.run();
