import { test } from "uvu";
import * as assert from "uvu/assert";
import { decodeObject } from "./field-decoder.js";
import type { SampleId } from "./record.js";
import { FakeKernel } from "./testing/index.js";
import { Random, randomBytesOf } from "./testing/random.js";

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
  const opened = () => [...kernel.source.events.values()][0];
  const event = opened();
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
  assert.is(opened()?.filter, "");
  assert.not.ok(opened()?.enabled);
  assert.equal(
    monitor.fields(id).map(({ name }) => name),
    ["filename", "pid", "old_pid"],
  );
  await monitor.unregister(group);
  assert.is(kernel.source.events.size, 0);
  assert.is(group.events.size, 0);
});

test("text injection into filter files: the source gets the text that was given, or the filter is refused", async () => {
  const kernel = new FakeKernel();
  await using monitor = await kernel.openMonitor();
  const id = await monitor.registerTracepoint("sched/sched_process_exec", () => {});
  const random = new Random(20_240_614);
  const filterOf = () => [...kernel.source.events.values()].map(({ filter }) => filter);
  let set = "";
  for (let round = 0; round < 2000; round++) {
    const text = Buffer.from(randomBytesOf(random, random.below(12))).toString(random.pick(["latin1", "utf8"]));
    const error = await monitor.setFilter(id, text).catch((caught) => caught);
    assert.is(error?.code, text.includes("\0") ? "invalid" : undefined, JSON.stringify(text));
    if (error === undefined) set = text;
    assert.equal(filterOf(), [set]);
  }
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

test("replacing a filter: nothing is lost and nothing comes twice", async () => {
  const kernel = new FakeKernel();
  await using monitor = await kernel.openMonitor();
  const seen: unknown[] = [];
  const id = await monitor.registerTracepoint("signal/signal_generate", (record, { sig }) => {
    assert.is(record.event, id);
    seen.push(sig);
  });
  const { source } = kernel;
  let sig = 0;
  // Whatever is open and on gets its record at every step on the way.
  for (const step of ["open", "setEnabled", "closeEvents"] as const) {
    const original = source[step].bind(source) as (...args: unknown[]) => Promise<never>;
    source[step] = async (...args: unknown[]): Promise<never> => {
      kernel.emit("signal/signal_generate", { sig: ++sig });
      const result = await original(...args);
      kernel.emit("signal/signal_generate", { sig: ++sig });
      return result;
    };
  }
  const run = monitor.run();
  await monitor.setFilter(id, "sig > 0");
  await monitor.setFilter(id, "sig > 1");
  await monitor.stop();
  await run;
  assert.equal(
    seen,
    Array.from({ length: sig }, (_, index) => index + 1),
  );
  assert.is(source.events.size, 1);
  const [event] = (await monitor.loss()).events;
  assert.ok(event !== undefined && event.discarded > 0);
  assert.is(event.id, id);
  assert.is(Number(event.hits), event.delivered + event.discarded);
  source.onOpen = () => {
    throw new Error("refused");
  };
  const error = await monitor.setFilter(id, "nonsense").catch((error) => error);
  assert.is(error.message, 'setFilter(signal/signal_generate, "nonsense"): refused');
  assert.equal(
    [...source.events.values()].map(({ filter, enabled }) => [filter, enabled]),
    [["sig > 1", true]],
  );
  await monitor.unregister(id);
  assert.is(source.events.size, 0);
  assert.throws(() => monitor.fields(id), /not registered/);
});

test.run();
