import { FakeKernel } from "@kernscope/perf/testing";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { TelemetryEvent } from "./event.js";
import { type LostPayload, LostRecordCause, LostRecordType } from "./payload.js";
import { Sensor } from "./sensor.js";

const PID = 5_000_000;

async function setUp() {
  const kernel = new FakeKernel();
  const sensor = await Sensor.open({
    monitor: { source: kernel.source, tracing: kernel.tracing, readClock: kernel.clock.read, lossInterval: 1 },
  });
  await sensor.start();
  return { kernel, sensor };
}

async function gather(stream: AsyncIterable<readonly TelemetryEvent[]>): Promise<LostPayload[]> {
  const losses: LostPayload[] = [];
  for await (const batch of stream) {
    for (const { event } of batch) if (event.case === "lost") losses.push(event.value);
  }
  return losses;
}

const facts = (losses: readonly LostPayload[]) => losses.map(({ lost, type, cause }) => [lost, type, cause]);

test("missed probes: what one could not handle is told to those who wanted its events, and counts as the kernel counts it", async () => {
  const { kernel, sensor } = await setUp();
  const filter = { kind: "kernel-call.enter" as const, symbol: "do_exit", arguments: { code: "$arg1:s32" } };
  const own = gather(await sensor.newSubscription({ filters: [filter] }));
  const other = gather(await sensor.newSubscription({ filters: [{ kind: "process.exec" }] }));
  const place = { pid: PID, tid: PID };
  kernel.emit("kprobe:do_exit", { code: 1 }, place);
  for (let i = 0; i < 7; i++) kernel.emit("kprobe:do_exit", {}, { ...place, missed: true });
  kernel.emit("kprobe:do_exit", { code: 2 }, { ...place, lost: true });
  kernel.deliver();
  await sensor.stop();
  assert.equal(facts(await own), [
    [1, LostRecordType.SUBSCRIPTION, LostRecordCause.KERNEL_RING],
    [7, LostRecordType.SUBSCRIPTION, LostRecordCause.PROBE_MISSED],
  ]);
  assert.equal(await other, []);
});

test("what the caches lost is told to all, as what it would have been about", async () => {
  const { kernel, sensor } = await setUp();
  const streams = await Promise.all([
    sensor.newSubscription({ filters: [{ kind: "process.exec" }] }),
    sensor.newSubscription({ filters: [{ kind: "chargen", length: 1 }] }),
  ]);
  const all = streams.map(gather);
  const place = { pid: PID, tid: PID, lost: true };
  kernel.emit("sched/sched_process_exec", { filename: "/bin/x", pid: PID, old_pid: PID }, place);
  kernel.deliver();
  await sensor.stop();
  for (const losses of all) {
    assert.equal(facts(await losses), [[1, LostRecordType.PROCESS, LostRecordCause.KERNEL_RING]]);
  }
});

test.run();
