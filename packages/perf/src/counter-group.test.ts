import { type EventAttr, PerfNativeError } from "@kernscope/perf-native";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type Counter, counterAttr } from "./counter.js";
import type { CounterValues } from "./counter-group.js";
import type { PerfError } from "./errors.js";
import type { EventMonitor } from "./event-monitor.js";
import { createSampleLayout } from "./sample-layout.js";
import { FakeKernel, RecordBuilder } from "./testing/index.js";

const pair: Counter[] = [{ software: "CPU_CLOCK" }, { software: "CONTEXT_SWITCHES" }];

function fail(): never {
  throw new Error("it is not there");
}

async function runAndStop(monitor: EventMonitor): Promise<void> {
  const run = monitor.run();
  await monitor.stop();
  await run;
}

async function errorOf(promise: Promise<unknown>): Promise<PerfError> {
  return promise.then(
    () => assert.unreachable("it did not reject"),
    (error) => error,
  );
}

test("attributes of every kind of counter", () => {
  const attrs: [Counter, EventAttr][] = [
    [{ hardware: "INSTRUCTIONS" }, { type: 0, config: 1 }],
    [{ software: "CONTEXT_SWITCHES" }, { type: 1, config: 3 }],
    [{ cache: { cache: "DTLB", operation: "WRITE", result: "MISS" } }, { type: 3, config: 0x1_0103 }],
    [{ raw: 0x1c2n }, { type: 4, config: 0x1c2n }],
    [
      { raw: 7, pmu: 12 },
      { type: 12, config: 7 },
    ],
    [
      { breakpoint: { address: 0x4010n, access: "readWrite", length: 2 } },
      { type: 5, config: 0, breakpointType: 3, config1: 0x4010n, config2: 2 },
    ],
    [
      { breakpoint: { address: 0x4010, access: "execute" } },
      { type: 5, config: 0, breakpointType: 4, config1: 0x4010, config2: 8 },
    ],
  ];
  for (const [counter, attr] of attrs) assert.equal(counterAttr(counter), attr);
  const wrong = [
    { hardware: "NONE" },
    { software: "toString" },
    { cache: { cache: "L1D", operation: "READ", result: "NONE" } },
    { breakpoint: { address: 1, access: "write", length: 3 } },
  ] as unknown as Counter[];
  for (const counter of wrong)
    assert.throws(
      () => counterAttr(counter),
      (error: PerfError) => error.code === "invalid",
    );
});

test("the first counter leads and samples, the others count with it", async () => {
  const kernel = new FakeKernel({ cpus: [0, 2] });
  await using monitor = await kernel.openMonitor();
  const id = await monitor.registerCounterGroup([...pair, { raw: 5 }], () => {}, {
    period: 1000,
    sample: { ip: true },
  });
  const opened = [...kernel.source.events.values()];
  assert.equal(
    opened.map(({ request }) => [request.attr.type, request.attr.config, request.leader, request.attr.samplePeriod]),
    [
      [1, 0, undefined, 1000],
      [1, 3, id, undefined],
      [4, 5, id, undefined],
    ],
  );
  assert.equal(
    opened.map(({ enabled }) => enabled),
    [true, false, false],
  );
  assert.is(opened[0]?.request.attr.sampleType, 0x10 | 0x1);
  assert.is(opened[0]?.request.attr.readFormat, 1 | 2 | 8);
  await monitor.disable(id);
  assert.not.ok(kernel.source.events.get(id)?.enabled);
  assert.is((await errorOf(monitor.setFilter(id, "a == 1"))).code, "invalid");
  await monitor.unregister(id);
  assert.is(kernel.source.events.size, 0);
});

test("samples carry the values of all, and the account knows their number", async () => {
  const kernel = new FakeKernel();
  await using monitor = await kernel.openMonitor();
  const seen: CounterValues[] = [];
  const id = await monitor.registerCounterGroup(
    pair,
    (record, { timeEnabled, timeRunning, values }) => {
      assert.is(record.pid, 7);
      seen.push({ timeEnabled, timeRunning, values });
    },
    { frequency: 99, name: "both" },
  );
  const { request, counts } = kernel.source.events.get(id) ?? fail();
  const layout = createSampleLayout(request.attr, true);
  const builder = new RecordBuilder();
  const header = { event: id, pid: 7, time: monitor.clock.origin + 5n };
  const counters = [{ value: 123n }, { value: 2n ** 63n }];
  kernel.source.feed(
    builder.sample(layout, header, undefined, { values: { timeEnabled: 9n, timeRunning: 8n, counters } }),
  );
  // A sample that was cut short.
  kernel.source.feed(builder.record({ ...header, corrupt: true }));
  // PERF_RECORD_LOST_SAMPLES, PERF_RECORD_THROTTLE
  kernel.source.feed(builder.record({ ...header, type: 13 }, Uint8Array.of(3, 0, 0, 0, 0, 0, 0, 0)));
  kernel.source.feed(builder.record({ ...header, type: 5 }, new Uint8Array(24)));
  if (counts[0] !== undefined) counts[0] = { ...counts[0], value: 1_000_000n, lost: 4n, values: [1_000_000n, 6n] };
  await runAndStop(monitor);
  assert.equal(seen, [
    { timeEnabled: 9n, timeRunning: 8n, values: [123n, 2n ** 63n] },
    { timeEnabled: 0n, timeRunning: 0n, values: [] },
  ]);
  const { events, total } = await monitor.loss();
  const { byCpu: _, ...both } = events[0] ?? fail();
  assert.equal(both, { id, name: "both", hits: 9n, lost: 7n, delivered: 2, discarded: 0, throttled: 1 });
  assert.equal(total, { hits: 9n, lost: 7n, delivered: 2, discarded: 0, missed: 0n, throttled: 1 });
  const [first, second] = await monitor.readCounters(id);
  assert.equal(first, { cpu: 0, pid: -1, timeEnabled: 0n, timeRunning: 0n, values: [1_000_000n, 6n] });
  assert.equal(second?.values, []);
  await monitor.unregister(id);
  assert.equal((await monitor.loss()).total, total);
});

test("a group that is not there as a whole is not there at all", async () => {
  const kernel = new FakeKernel();
  await using monitor = await kernel.openMonitor();
  kernel.source.onOpen = ({ attr }) => {
    if (attr.type !== 0) return;
    throw new PerfNativeError("system", "…", { operation: "perf_event_open", errno: "ENOENT", cpu: 1 });
  };
  let calls = 0;
  const group = [...pair, { hardware: "CPU_CYCLES" }] as const;
  const error = await errorOf(monitor.registerCounterGroup(group, () => calls++));
  assert.is(error.code, "unsupported");
  assert.match(
    error.message,
    /^perf_event_open\(CPU_CLOCK,CONTEXT_SWITCHES,CPU_CYCLES, cpu 1\): ENOENT – needs a performance monitoring unit/,
  );
  assert.is(kernel.source.events.size, 0);
  // The indices that its members had are nobody's.
  for (const event of [0, 1, 2]) {
    kernel.source.feed(new RecordBuilder().record({ event, time: kernel.clock.now }));
  }
  await runAndStop(monitor);
  assert.is(calls, 0);
});

test("what makes no sense is refused", async () => {
  const kernel = new FakeKernel();
  await using monitor = await kernel.openMonitor();
  const options = [
    { period: 1, frequency: 1 },
    { period: 0 },
    { period: Number.NaN },
    { period: -1n },
    { period: 1.5 },
    { period: 2 ** 60 },
    { frequency: 0 },
    { frequency: 1.5 },
  ];
  for (const each of options) {
    assert.is(
      (await errorOf(monitor.registerCounterGroup(pair, () => {}, each))).code,
      "invalid",
      String(Object.values(each)),
    );
  }
  assert.is((await errorOf(monitor.registerCounterGroup([], () => {}))).code, "invalid");
  const id = await monitor.registerTracepoint("task/task_rename", () => {});
  assert.is((await errorOf(monitor.readCounters(id))).code, "invalid");
});

test.run();
