import { test } from "uvu";
import * as assert from "uvu/assert";
import { decodeObject } from "./field-decoder.js";
import type { SampleId } from "./record.js";
import { FakeKernel } from "./testing/index.js";

interface Exec {
  filename: string;
  pid: number;
}

test("decodes samples and hands them out in time order", async () => {
  const kernel = new FakeKernel();
  await using monitor = await kernel.openMonitor();
  const seen: [number, string, number][] = [];
  await monitor.registerTracepoint<Exec>("sched/sched_process_exec", (record, data) => {
    seen.push([record.pid, data.filename, record.elapsed]);
  });
  const origin = monitor.clock.origin;
  kernel.emit("sched/sched_process_exec", { filename: "/bin/b", pid: 2 }, { pid: 2, cpu: 1, time: origin + 20n });
  kernel.emit("sched/sched_process_exec", { filename: "/bin/a", pid: 1 }, { pid: 1, time: origin + 10n });
  const run = monitor.run();
  await monitor.stop();
  await run;
  assert.equal(seen, [
    [1, "/bin/a", 10],
    [2, "/bin/b", 20],
  ]);
});

test("gives all of a sample's header", async () => {
  const kernel = new FakeKernel({ cpus: [0, 3] });
  await using monitor = await kernel.openMonitor();
  let sampleId: SampleId | undefined;
  let time = 0n;
  let object: object = {};
  const id = await monitor.registerTracepoint("task:task_rename", (record, data) => {
    sampleId = record.sampleId();
    time = record.time;
    object = decodeObject(data);
    assert.is(record.event, id);
    assert.is(record.id, 99n);
    assert.is(record.type, 9);
    assert.not.ok(record.late);
    assert.not.ok(record.corrupt);
    assert.is(record.raw.length, 46);
  });
  const place = { time: monitor.clock.origin + 2n ** 45n, cpu: 3, pid: 10, tid: 11, cgroup: 2n ** 40n, id: 99n };
  kernel.emit("task/task_rename", { pid: 11, oldcomm: "old", newcomm: "new", oom_score_adj: -5 }, place);
  void monitor.run();
  await monitor.stop();
  assert.equal(sampleId, { pid: 10, tid: 11, cpu: 3, cgroup: 2 ** 40, elapsed: 2 ** 45 });
  assert.is(time, place.time);
  assert.equal(object, { pid: 11, oldcomm: "old", newcomm: "new", oom_score_adj: -5 });
});

test("external samples come in time order among the kernel's", async () => {
  const kernel = new FakeKernel();
  await using monitor = await kernel.openMonitor();
  const seen: string[] = [];
  const external = monitor.registerExternalEvent<string>("note", (sample, data) =>
    seen.push(`${data}@${sample.elapsed}`),
  );
  const at = (elapsed: number) => ({ pid: 0, tid: 0, cpu: 0, cgroup: 0, elapsed });
  await monitor.registerTracepoint("signal/signal_generate", (record, data) => {
    seen.push(`kernel@${record.elapsed}`);
    if (data.sig === 1) monitor.enqueueExternalSample(external, record.sampleId(), "same");
    if (data.sig === 1) monitor.enqueueExternalSample(external, at(5), "past");
    if (data.sig === 1) monitor.enqueueExternalSample(external, at(25), "between");
  });
  monitor.enqueueExternalSample(external, at(15), "early");
  monitor.enqueueExternalSample(external, at(40), "last");
  for (const [sig, elapsed] of [
    [1, 10],
    [2, 20],
    [3, 30],
  ] as const) {
    kernel.emit("signal/signal_generate", { sig }, { time: monitor.clock.origin + BigInt(elapsed) });
  }
  const run = monitor.run();
  kernel.deliver();
  assert.equal(seen, ["kernel@10", "past@5", "same@10", "early@15", "kernel@20", "between@25", "kernel@30"]);
  kernel.clock.advance(10);
  await monitor.stop();
  await run;
  assert.is(seen.at(-1), "last@40");
  assert.is(seen.length, 8);
});

test("an external sample whose time is past goes out without a record", async () => {
  const kernel = new FakeKernel();
  await using monitor = await kernel.openMonitor();
  const seen: number[] = [];
  const external = monitor.registerExternalEvent<number>("note", (_sample, data) => seen.push(data));
  void monitor.run();
  const elapsed = monitor.clock.now() + 1000;
  kernel.clock.advance(1000);
  monitor.enqueueExternalSample(external, { pid: 1, tid: 1, cpu: 0, cgroup: 0, elapsed }, 1);
  kernel.deliver();
  assert.equal(seen, [1]);
  monitor.enqueueExternalSample(external, { pid: 1, tid: 1, cpu: 0, cgroup: 0, elapsed }, 2);
  assert.equal(seen, [1], "not from within the call");
  await Promise.resolve();
  assert.equal(seen, [1, 2]);
  await monitor.stop();
});

test("registering asks the source for what the options say", async () => {
  const kernel = new FakeKernel({ cpus: [0, 2] });
  await using monitor = await kernel.openMonitor();
  const group = monitor.createGroup();
  const id = await monitor.registerTracepoint("sched/sched_process_exec", () => {}, {
    filter: "pid > 1",
    enabled: false,
    group,
    urgent: true,
    ringSize: 8 << 20,
    sample: { userRegisters: 1 << 7, userStack: 16_384, cgroup: true },
  });
  const event = kernel.source.events.get(id);
  assert.equal(event?.request.targets, [
    { pid: -1, cpu: 0 },
    { pid: -1, cpu: 2 },
  ]);
  assert.is(event?.request.attr.type, 2);
  assert.is(event?.request.attr.config, 365);
  assert.is(event?.request.attr.sampleType, 0x400 | 0x1000 | 0x2000 | 0x20_0000);
  assert.is(event?.request.attr.sampleStackUser, 16_384);
  assert.is(event?.request.ringSize, 8 << 20);
  assert.is(event?.request.urgent, true);
  assert.is(event?.filter, "pid > 1");
  assert.not.ok(event?.enabled);
  await monitor.enable(group);
  assert.ok(event?.enabled);
  await monitor.disable();
  assert.not.ok(event?.enabled);
  await monitor.setFilter(id, "");
  assert.is(event?.filter, "");
  assert.equal(
    monitor.fields(id).map(({ name }) => name),
    ["filename", "pid", "old_pid"],
  );
  await monitor.unregister(group);
  assert.is(kernel.source.events.size, 0);
  assert.is(group.events.size, 0);
});

test("stack and registers of an exec", async () => {
  const kernel = new FakeKernel();
  await using monitor = await kernel.openMonitor();
  const userStack = Uint8Array.from({ length: 40 }, (_, index) => index);
  const seen: unknown[] = [];
  await monitor.registerTracepoint(
    "sched/sched_process_exec",
    (record) => {
      seen.push(record.userRegister(7), record.userRegister(0), record.userRegistersAbi);
      seen.push(Uint8Array.from(record.userStack ?? []), record.cgroup, record.ip);
    },
    { sample: { userRegisters: 1 << 7, userStack: 16_384, cgroup: true } },
  );
  const sample = { userRegisters: { 7: 0x7ffc_0000_0010n }, userStack };
  kernel.emit("sched/sched_process_exec", { filename: "/bin/true" }, { cgroup: 44, sample });
  void monitor.run();
  await monitor.stop();
  assert.equal(seen, [0x7ffc_0000_0010n, undefined, 2, userStack, 44, undefined]);
});

test.run();
