import { requires } from "@kernscope/test-support";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { chargen } from "./events/chargen.js";
import type { ChargenPayload, TickerPayload } from "./payload.js";
import { EventBed } from "./testing/event-bed.js";

const kernel = requires({ root: true, perf: true });

kernel("ticks come at their interval, with the wall clock's time, each subscription's end is its own", async () => {
  await using bed = await EventBed.open();
  const before = Date.now();
  const filters = [{ kind: "ticker" as const, interval: 20_000_000 }];
  const { events, done, stream } = await bed.gather({ filters, limit: 10 });
  await done;
  const after = Date.now();
  assert.is(events.length, 10);
  assert.equal(stream.counters, { matched: 10, delivered: 10, throttled: 0, dropped: 0 });
  let last = Number.NEGATIVE_INFINITY;
  for (const { event, sensorMonotimeNanos, unixTimeNanos, processId } of events) {
    const { seconds, nanoseconds } = event.value as TickerPayload;
    const time = seconds * 1000 + nanoseconds / 1e6;
    assert.ok(time >= before - 5 && time <= after + 5, `${time} from ${before} to ${after}`);
    assert.ok(Math.abs(Number(unixTimeNanos / 1000n) - time * 1000) < 1000);
    // A tick can be late, and then the next one is not.
    assert.ok(sensorMonotimeNanos - last > 0);
    last = sensorMonotimeNanos;
    assert.is(processId, undefined);
  }
  assert.is(bed.sensor.metrics().sources, 0);
});

kernel("characters of RFC 864, from where the event before ended", async () => {
  await using bed = await EventBed.open();
  const { events, done } = await bed.gather({ filters: [{ kind: "chargen", length: 100 }], limit: 3 });
  await done;
  const values = events.map(({ event }) => event.value as ChargenPayload);
  assert.equal(
    values.map(({ index }) => index),
    [0, 100, 200],
  );
  const text = values.map(({ characters }) => characters).join("");
  const [first, second] = text.split("\r\n");
  assert.is(first, ` !"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_\`abcdefg`);
  assert.is(second, `${first!.slice(1)}h`);
  assert.is(text, chargen(0, 300));
});

kernel("a duration ends the stream, a throttle lets the first of each interval through", async () => {
  await using bed = await EventBed.open();
  const { events, done, stream } = await bed.gather({
    filters: [{ kind: "ticker", interval: 5_000_000 }],
    throttle: 50_000_000,
    duration: 400_000_000,
  });
  await done;
  const times = events.map(({ sensorMonotimeNanos }) => sensorMonotimeNanos);
  for (const [at, time] of times.slice(1).entries()) assert.ok(time - times[at]! >= 50_000_000);
  const { matched, delivered, throttled, dropped } = stream.counters;
  assert.is(delivered, events.length);
  assert.ok(throttled > 0);
  assert.is(matched, delivered + throttled + dropped);
});

test.run();
