import type { EventMonitor } from "@kernscope/perf";
import { FakeKernel } from "@kernscope/perf/testing";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { TelemetryEvent } from "./event.js";
import { Sensor } from "./sensor.js";
import type { SubscriptionRequest } from "./subscription-request.js";

const EXEC: SubscriptionRequest = { filters: [{ kind: "process.exec" }] };
/** Above any pid_max: no task of this host has it. */
const PID = 5_000_000;

/** A sensor on a kernel whose every event the test makes. */
async function setUp() {
  const kernel = new FakeKernel();
  const sensor = await Sensor.open({
    monitor: { source: kernel.source, tracing: kernel.tracing, readClock: kernel.clock.read },
  });
  await sensor.start();
  const exec = (pid: number) => {
    const place = { pid, tid: pid };
    kernel.emit("sched/sched_process_exec", { filename: `/bin/p${pid}`, pid, old_pid: pid }, place);
  };
  return { kernel, sensor, exec };
}

async function collect(stream: AsyncIterable<readonly TelemetryEvent[]>): Promise<TelemetryEvent[]> {
  const events: TelemetryEvent[] = [];
  for await (const batch of stream) events.push(...batch);
  return events;
}

const filenames = (events: readonly TelemetryEvent[]) =>
  events.map(({ event }) => (event.case === "process" ? event.value.execFilename : event.case));

test("every subscriber gets the same events, numbered without a gap", async () => {
  const { kernel, sensor, exec } = await setUp();
  const streams = await Promise.all([sensor.newSubscription(EXEC), sensor.newSubscription(EXEC)]);
  assert.is(sensor.metrics().sources, 1);
  const results = Promise.all(streams.map(collect));
  for (let i = 0; i < 5; i++) exec(PID + i);
  kernel.deliver();
  await sensor.stop();
  const [first, second] = await results;
  assert.equal(
    filenames(first!),
    [0, 1, 2, 3, 4].map((i) => `/bin/p${PID + i}`),
  );
  first!.forEach((event, i) => {
    assert.is(second![i], event);
    assert.is(event.sensorSequenceNumber, i + 1);
    assert.is(event.id, `${sensor.id}-${i + 1}`);
    assert.equal([event.processPid, event.processTgid], [PID + i, PID + i]);
  });
});

test("an event that is known only after later ones is delivered as well", async () => {
  const { kernel, sensor, exec } = await setUp();
  const stream = await sensor.newSubscription({ filters: [{ kind: "process.exec" }, { kind: "process.exit" }] });
  const result = collect(stream);
  const { monitor, processCache } = sensor;
  const sample = { pid: PID, tid: PID, cpu: 0, cgroup: 0, elapsed: monitor.clock.now() };
  exec(PID + 1);
  kernel.deliver();
  const ended = { task: processCache.lookupTask(PID), status: 9, code: undefined, signal: 9, coreDumped: false };
  monitor.enqueueExternalSample(processCache.exitEventId, sample, { ...ended, certain: true });
  kernel.deliver();
  await sensor.stop();
  const events = await result;
  assert.equal(
    events.map(({ processPid }) => processPid),
    [PID + 1, PID],
  );
  assert.ok(events[1]!.sensorMonotimeNanos < events[0]!.sensorMonotimeNanos);
  assert.equal(stream.counters, { matched: 2, delivered: 2, throttled: 0, dropped: 0 });
});

test("a limit ends the stream behind its last event", async () => {
  const { kernel, sensor, exec } = await setUp();
  const stream = await sensor.newSubscription({ ...EXEC, limit: 2 });
  const result = collect(stream);
  for (let i = 0; i < 5; i++) exec(PID + i);
  kernel.deliver();
  assert.is((await result).length, 2);
  assert.equal(stream.counters, { matched: 2, delivered: 2, throttled: 0, dropped: 0 });
  assert.is(sensor.metrics().subscriptions, 0);
  await sensor.stop();
});

test("a duration ends the stream", async () => {
  const { sensor } = await setUp();
  assert.equal(await collect(await sensor.newSubscription({ ...EXEC, duration: 1e6 })), []);
  await sensor.stop();
});

test("a slow subscriber hears of its gaps, the others get all", async () => {
  const { kernel, sensor, exec } = await setUp();
  const slow = await sensor.newSubscription({ ...EXEC, queue: { events: 3 } });
  const quick = await sensor.newSubscription(EXEC);
  for (let i = 0; i < 10; i++) exec(PID + i);
  kernel.deliver();
  const results = Promise.all([collect(slow), collect(quick)]);
  await sensor.stop();
  const [some, all] = await results;
  assert.is(all.length, 10);
  assert.is(some.length, 4);
  const gap = some[3]!.event;
  assert.is(gap.case === "lost" && gap.value.lost, 7);
  assert.equal(slow.counters, { matched: 10, delivered: 3, throttled: 0, dropped: 7 });
  assert.is(sensor.metrics().dropped, 7);
});

test("what the kernel lost is told to all", async () => {
  const { kernel, sensor, exec } = await setUp();
  const stream = await sensor.newSubscription(EXEC);
  const result = collect(stream);
  exec(PID);
  kernel.emit("sched/sched_process_exec", { pid: PID + 1 }, { pid: PID + 1, lost: true });
  exec(PID + 2);
  kernel.deliver();
  await new Promise((resolve) => setTimeout(resolve, 1300));
  await sensor.stop();
  const lost = (await result).flatMap(({ event }) => (event.case === "lost" ? [event.value] : []));
  assert.equal(
    lost.map(({ lost: count, type, cause }) => [count, type, cause]),
    [[1, 2, 1]],
  );
  assert.is(sensor.metrics().lost, 1);
});

test("the sensor's own activity makes no events", async () => {
  const { kernel, sensor, exec } = await setUp();
  const stream = await sensor.newSubscription(EXEC);
  const result = collect(stream);
  exec(process.pid);
  exec(PID);
  kernel.deliver();
  await sensor.stop();
  assert.equal(filenames(await result), [`/bin/p${PID}`]);
});

test("leaving the loop, closing and stopping give everything back", async () => {
  const { kernel, sensor, exec } = await setUp();
  const left = await sensor.newSubscription(EXEC);
  exec(PID);
  kernel.deliver();
  for await (const batch of left) {
    assert.is(batch.length, 1);
    break;
  }
  const closed = await sensor.newSubscription(EXEC);
  exec(PID);
  kernel.deliver();
  closed.close();
  assert.equal(await collect(closed), []);
  assert.equal([sensor.metrics().subscriptions, sensor.metrics().sources], [0, 0]);
  await sensor.stop();
  assert.is(kernel.source.closed, true);
  await sensor.newSubscription(EXEC).then(
    () => assert.unreachable(),
    (error) => assert.is(error.code, "closed"),
  );
});

test("when a handler throws, subscribers are told that the stream ended there", async () => {
  const { kernel, sensor, exec } = await setUp();
  const stream = await sensor.newSubscription(EXEC);
  const result = collect(stream).then(
    () => assert.unreachable(),
    (error) => error,
  );
  const monitor: EventMonitor = sensor.monitor;
  monitor.addHandler(sensor.processCache.execEventId, () => {
    throw new Error("out of order");
  });
  exec(PID);
  kernel.deliver();
  assert.match(String(await result), "out of order");
  assert.match((await sensor.failed).message, "out of order");
  await sensor.newSubscription(EXEC).then(
    () => assert.unreachable(),
    (error) => assert.match(error.message, "out of order"),
  );
  await sensor.stop();
});

test.run();
