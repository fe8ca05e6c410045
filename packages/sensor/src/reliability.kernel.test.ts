import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { setTimeout } from "node:timers/promises";
import { and, compare } from "@kernscope/expression";
import { Tracefs } from "@kernscope/perf";
import { requires } from "@kernscope/test-support";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type LostPayload, LostRecordCause, LostRecordType } from "./payload.js";
import type { EventFilter, SubscriptionRequest } from "./subscription-request.js";
import { syscallNumber } from "./syscall-numbers.js";
import { EventBed, type Gathering } from "./testing/event-bed.js";

const kernel = requires({ root: true, perf: true });
/** Emulated kernels do the same, less of it. */
const SCALE = process.env.KERNSCOPE_VM ? 20 : 1;

/** Calls that nobody else makes, as many as it is told, with a pause after so many of them: `flood COUNT PAUSE`. */
const flood = `
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>
int main(int argc, char **argv) {
  long count = atol(argv[1]), pause = atol(argv[2]);
  for (long i = 0; i < count; i++) {
    syscall(SYS_getpriority, 77777, i);
    if (i % pause == 0) usleep(1000);
  }
}`;

const calls: EventFilter = {
  kind: "syscall.enter",
  where: and(compare("id", "int64", "eq", syscallNumber("getpriority")!), compare("arg0", "uint64", "eq", 77777)),
};

const lossesOf = ({ events }: Gathering): LostPayload[] =>
  events.flatMap(({ event }) => (event.case === "lost" ? [event.value] : []));
const sum = (losses: readonly LostPayload[]) => losses.reduce((total, { lost }) => total + lost, 0);
const countOf = ({ events }: Gathering, kind: string) => events.filter(({ event }) => event.case === kind).length;

kernel(
  "one slow client harms others: a stalled one holds what it may and hears of the rest, the others get all",
  async () => {
    await using bed = await EventBed.open();
    const program = bed.compile("flood", flood);
    const stalled = await bed.sensor.newSubscription({ filters: [calls], queue: { events: 1024, bytes: 8 << 20 } });
    const healthy = await Promise.all([1, 2, 3].map(() => bed.gather({ filters: [calls] })));
    const count = 60_000 / SCALE;
    const load = spawn(program, [`${count}`, "20"]);
    await once(load, "close");
    await bed.sensor.monitor.stop();
    assert.ok(stalled.queued <= 1025, `${stalled.queued} entries wait`);
    const events = [];
    await bed.sensor.stop();
    for await (const batch of stalled) events.push(...batch);
    await Promise.all(healthy.map(({ done }) => done));
    for (const each of healthy) {
      assert.is(countOf(each, "syscall"), count);
      assert.equal(lossesOf(each), []);
    }
    const told = events.flatMap(({ event }) => (event.case === "lost" ? [event.value] : []));
    assert.is(events.length - told.length + sum(told), count);
    assert.ok(
      told.every(({ cause, type }) => cause === LostRecordCause.SLOW_CLIENT && type === LostRecordType.SUBSCRIPTION),
    );
    const { matched, delivered, dropped } = stalled.counters;
    assert.equal([matched, delivered + dropped], [count, count]);
  },
);

kernel("rejected requests leak kernel resources: 10,000 of them leave nothing behind", async () => {
  await using bed = await EventBed.open();
  const tracefs = await Tracefs.open();
  const held = async () => ({
    descriptors: readdirSync("/proc/self/fd").length,
    rings: readFileSync("/proc/self/maps", "utf8").match(/\[perf_event\]/g)?.length,
    probes: (await tracefs.read("uprobe_events")).split("\n").filter((line) => line.includes(`_${process.pid}_`))
      .length,
    registrations: (await bed.sensor.monitor.loss()).events.length,
    subscriptions: bed.sensor.metrics().subscriptions,
    sources: bed.sensor.metrics().sources,
  });
  const before = await held();
  const requests = refusedRequests();
  for (let i = 0; i < 10_000 / SCALE; i++) {
    const request = requests[i % requests.length]!;
    const error = await bed.sensor.newSubscription(request).then(
      (stream) => stream,
      (caught) => caught,
    );
    assert.is(
      error.name,
      "SensorError",
      JSON.stringify(request, (_, each) => (typeof each === "bigint" ? `${each}` : each)),
    );
  }
  // A file that is being read at the moment is not held.
  let after = await held();
  for (let i = 0; i < 50 && after.descriptors > before.descriptors; i++) {
    await setTimeout(100);
    after = await held();
  }
  assert.equal(after, before);
  await tracefs.close();
});

/** Each wrong in another way. */
function refusedRequests(): SubscriptionRequest[] {
  const user = { kind: "user-call.enter" as const, executable: "/bin/true", symbol: "main" };
  const counters = [{ type: "software" as const, config: 2 }];
  const id = (value: number) => compare("id", "int64", "eq", value);
  const filters: unknown[] = [
    { kind: "process.dance" },
    { kind: "constructor" },
    { kind: "process.exec", where: compare("name", "string", "eq", "x") },
    { kind: "process.exec", where: compare("filename", "int32", "eq", 1) },
    { kind: "process.exit", where: compare("code", "int32", "eq", 2 ** 40) },
    { kind: "process.fork", where: { type: "value", valueType: "bool", value: true } },
    { kind: "process.fork", where: { type: "and", operands: [] } },
    { kind: "syscall.enter" },
    { kind: "syscall.enter", where: compare("arg0", "uint64", "eq", 1) },
    { kind: "syscall.exit", where: compare("arg0", "uint64", "eq", 1) },
    { kind: "syscall.enter", where: and(id(1), id(2)) },
    { kind: "network.connect-result", where: compare("fd", "uint64", "eq", 1) },
    { kind: "kernel-call.enter", symbol: "no such function" },
    { kind: "kernel-call.enter", symbol: "do_exit\np:evil do_exit" },
    { kind: "kernel-call.enter", symbol: "do_exit", arguments: { "a b": "$arg1" } },
    { kind: "kernel-call.exit", symbol: "do_exit", arguments: { a: "$arg1 b=$arg2" } },
    { ...user, executable: "bin/true" },
    { ...user, executable: "/no/such/file" },
    { ...user, symbol: "" },
    { ...user, symbol: "no_such_function" },
    { ...user, arguments: { a: "%di;" } },
    { ...user, arguments: { a: "%di" }, where: compare("b", "uint64", "eq", 1) },
    { kind: "performance", counters: [], period: 1 },
    { kind: "performance", counters, period: 1, frequency: 1 },
    { kind: "performance", counters, period: 0 },
    { kind: "performance", counters: [{ type: "software", config: 999_999 }], period: 100 },
    { kind: "container.created", view: "huge" },
    { kind: "ticker", interval: 1 },
    { kind: "chargen", length: -1 },
    { kind: "chargen", length: 2 ** 40 },
  ];
  const valid = [{ kind: "process.exec" as const }];
  return [
    ...filters.map((filter) => ({ filters: [filter as EventFilter] })),
    { filters: [] },
    { filters: valid, limit: 0 },
    { filters: valid, throttle: -1 },
    { filters: valid, since: -1 },
    { filters: valid, containers: { ids: [""] } },
  ];
}

test.run();
