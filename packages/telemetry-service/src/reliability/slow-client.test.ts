import { once } from "node:events";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { defaultLimits } from "../limits.js";
import { times } from "../testing/full-counts.js";
import { endOf, type PlainResponse, subscribeByGrpcJs } from "../testing/grpc-js-client.js";
import { grpcHeaders, grpcRequest, sessionAt } from "../testing/grpc-request.js";
import { figureOf } from "../testing/http-client.js";
import { execEvent, type FakeSensor, until } from "../testing/index.js";
import { heldMemory } from "../testing/memory.js";
import { withService } from "../testing/with-service.js";

const exec = { event_filter: { process_events: [{ type: "PROCESS_EVENT_TYPE_EXEC" }] } };
const RATE = 20_000;
const SECONDS = times(2, 30);
const TOTAL = RATE * SECONDS;
/** Events that healthy clients may be behind: a quarter of what a queue holds. */
const LAG = 1000;
const text = "x".repeat(600);
const MIB = 1024 * 1024;

test(
  "one slow client harms others: one that stops reading takes nothing from three, holds 8 MiB at most, and learns what it missed",
  withService(
    async ({ sensor, service, path }) => {
      const healthy = Array.from({ length: 3 }, () => follow(path));
      await until(() => service.streams === 3, "they have subscribed");
      await emitAll(sensor, healthy);
      const alone = p99(healthy);

      const stalled = follow(path);
      await until(() => stalled.responses > 0, "the first answer is there");
      stalled.stream.pause();
      for (const counts of healthy) counts.begin();
      const before = held(await heldMemory());
      await emitAll(sensor, healthy);
      for (const { lost } of healthy) assert.is(lost, 0);
      assert.is(stalled.received < TOTAL, true);
      const grown = held(await heldMemory()) - before;
      // Buffers that are kept for what comes next, the clients' sides and this test's figures are in here, too.
      assert.ok(grown < defaultLimits.queueBytes + 6 * MIB, `${grown} bytes more`);
      const queued = await figureOf(path, "queued_bytes");
      assert.ok(queued > MIB && queued < defaultLimits.queueBytes + MIB, `${queued} bytes are said to wait`);
      const beside = p99(healthy);
      assert.ok(beside < 5 * alone + 250, `late by ${beside} ms (p99), and by ${alone} ms without it`);
      // What it misses is on the page of metrics while it is still there.
      const dropped = await figureOf(path, "dropped_events_total");

      stalled.stream.resume();
      await until(() => stalled.received + stalled.lost >= TOTAL, "it has caught up");
      assert.is(stalled.received + stalled.lost, TOTAL);
      assert.ok(stalled.lost > 0, "there was more than a queue holds");
      assert.is(dropped, stalled.lost);
      assert.ok(stalled.received * text.length < defaultLimits.queueBytes + MIB, `${stalled.received} events`);
      // Each gap stands in its place: with it the numbers are without a hole.
      assert.equal(stalled.holes, []);
      for (const { stream } of [...healthy, stalled]) stream.cancel();
    },
    // Where the machine is slow it is stalled for longer than that.
    { limits: { progressTime: 300_000 } },
  ),
);

test(
  "one slow client harms others: one that takes nothing for too long is cut, whatever it speaks, and the others go on",
  withService(
    async ({ sensor, service, path }) => {
      const healthy = follow(path);
      const session = sessionAt(path);
      const body = grpcRequest({ eventFilter: { processEvents: [{ type: 2 }] } });
      const json = '{"subscription":{"eventFilter":{"processEvents":[{"type":2}]}}}';
      const closed = [
        { head: grpcHeaders, data: body },
        { head: { ...grpcHeaders, "content-type": "application/connect+proto" }, data: body },
        { head: { ":method": "POST", ":path": "/v0/events" }, data: json },
        { head: { ":path": "/v0/events?select=exec" }, data: undefined },
      ].map(({ head, data }) => {
        const stream = session.request(head, { endStream: data === undefined });
        stream.on("error", () => {});
        if (data !== undefined) stream.end(data);
        stream.pause();
        return { stream, end: once(stream, "close") };
      });
      await until(() => service.streams === 5, "all have subscribed");
      // A stream whose window is full is stuck, not its connection's others.
      const flood = setInterval(() => sensor.emit(...Array.from({ length: 100 }, (_, i) => execEvent(i, [text]))), 5);
      await until(() => service.streams === 1, "they are cut");
      clearInterval(flood);
      // What had come already can still be read.
      for (const { stream } of closed) stream.resume();
      await Promise.all(closed.map(({ end }) => end));
      const before = healthy.received;
      sensor.emit(execEvent(1, ["still here"]));
      await until(() => healthy.received > before, "the other one goes on");
      assert.is(healthy.lost, 0);
      healthy.stream.cancel();
      session.destroy();
    },
    { limits: { progressTime: 500 } },
  ),
);

/** Subscribes with @grpc/grpc-js, and counts. */
function follow(path: string) {
  const stream = subscribeByGrpcJs(path, exec);
  let next = 1;
  const counts = {
    stream,
    responses: 0,
    received: 0,
    lost: 0,
    holes: [] as string[],
    /** Milliseconds that the received events took. All of it is there from the start: it must not grow with the load. */
    latencies: new Float64Array(TOTAL),
    begin: () => {
      next = 1;
      counts.received = 0;
    },
  };
  stream.on("data", ({ events }: PlainResponse) => {
    const now = performance.now();
    counts.responses++;
    for (const { event } of events) {
      if (event.event === "lost") {
        counts.lost += Number(event.lost?.lost);
        next += Number(event.lost?.lost);
        continue;
      }
      counts.latencies[counts.received++] = now - (emittedAt[Number(event.process_pid) - 1000] ?? now);
      // Numbers of gaps' events come from the same row, but above all others here.
      if (Number(event.process_pid) !== 1000 + next)
        counts.holes.push(`${event.process_pid} instead of ${1000 + next}`);
      next = Number(event.process_pid) - 1000 + 1;
    }
  });
  endOf(stream);
  return counts;
}

/** When each event was made, by its number. */
const emittedAt: number[] = [];

function p99(clients: readonly ReturnType<typeof follow>[]): number {
  const sorted = clients.flatMap(({ latencies, received }) => [...latencies.subarray(0, received)]);
  sorted.sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length * 0.99)] ?? Number.NaN;
}

/** The clients' part of it is in this process, too. */
function held({ heapUsed, external }: NodeJS.MemoryUsage): number {
  return heapUsed + external;
}

/** Emits all at the rate, or slower where the machine is busy, until the healthy clients have all. */
async function emitAll(sensor: FakeSensor, healthy: readonly { received: number }[]): Promise<void> {
  const taken = () => Math.min(...healthy.map(({ received }) => received));
  sensor.events = 10 * TOTAL;
  const started = performance.now();
  for (let made = 0; made < TOTAL; ) {
    await new Promise((resolve) => setTimeout(resolve, 5));
    const due = ((performance.now() - started) / 1000) * RATE;
    while (made < Math.min(due, taken() + LAG, TOTAL)) {
      const now = performance.now();
      sensor.emit(
        ...Array.from({ length: 100 }, () => {
          emittedAt[++made] = now;
          return execEvent(made, [text]);
        }),
      );
    }
  }
  await until(() => taken() === TOTAL, "the healthy ones have all");
}

test.run();
