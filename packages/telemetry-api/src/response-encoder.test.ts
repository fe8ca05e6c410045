import { create, toBinary } from "@bufbuild/protobuf";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { EventEncoder } from "./event-encoder.js";
import type { EventContextInit, EventInit } from "./event-init.js";
import { GetEventsResponseSchema, TelemetryEventSchema } from "./messages.js";
import { ENVELOPE_SIZE, ResponseEncoder } from "./response-encoder.js";
import { type PlainMessage, randomMessage } from "./testing/field-values.js";
import { Random } from "./testing/random.js";

const seed = Number(process.env.KERNSCOPE_SEED ?? 20240229);
const publishTimeMicros = 1_700_000_000_000_000;

test(`responses have the bytes of protobuf-es behind their envelope (seed ${seed})`, () => {
  const random = new Random(seed);
  const responses = new ResponseEncoder();
  const events = new EventEncoder();
  const kept: { bytes: Uint8Array; hex: string }[] = [];
  for (const count of [0, 1, 2, 7, 100, 3, 1000, 1]) {
    const received = Array.from({ length: count }, () => randomMessage(TelemetryEventSchema, random));
    responses.start();
    let size = ENVELOPE_SIZE;
    received.forEach((event, i) => {
      const encoded = () => events.encodeReceivedEvent({ publishTimeMicros, event });
      size = i % 3 === 0 ? responses.addEncoded(encoded()) : responses.add(event, publishTimeMicros);
    });
    const bytes = responses.finish();
    assert.is(bytes.length, size);
    const whole = create(GetEventsResponseSchema, {
      events: received.map((event) => ({
        publishTimeMicros: BigInt(publishTimeMicros),
        event: create(TelemetryEventSchema, event),
      })),
    });
    const expected = Buffer.from(toBinary(GetEventsResponseSchema, whole));
    assert.is(Buffer.from(bytes.subarray(ENVELOPE_SIZE)).toString("hex"), expected.toString("hex"));
    assert.is(bytes[0], 0);
    assert.is(Buffer.from(bytes).readUInt32BE(1), expected.length);
    kept.push({ bytes, hex: Buffer.from(bytes).toString("hex") });
  }
  for (const { bytes, hex } of kept) assert.is(Buffer.from(bytes).toString("hex"), hex, "what was returned stays");
});

test(`events in contexts have the bytes of protobuf-es (seed ${seed})`, () => {
  const random = new Random(seed);
  const responses = new ResponseEncoder();
  const events = new EventEncoder();
  const contexts = Array.from({ length: 600 }, () => contextOf(randomMessage(TelemetryEventSchema, random), random));
  for (const count of [1, 3, 600]) {
    const inits = Array.from({ length: 1000 }, (_, i) => inContext(contexts[i % count] as EventContextInit, random));
    responses.start();
    inits.forEach(({ init }, i) => {
      if (i % 5 > 0) responses.add(init, publishTimeMicros);
      else responses.addEncoded(events.encodeReceivedEvent({ publishTimeMicros, event: init }));
    });
    const whole = create(GetEventsResponseSchema, {
      events: inits.map(({ plain }) => ({
        publishTimeMicros: BigInt(publishTimeMicros),
        event: create(TelemetryEventSchema, plain),
      })),
    });
    const bytes = Buffer.from(responses.finish()).subarray(ENVELOPE_SIZE);
    assert.ok(bytes.equals(Buffer.from(toBinary(GetEventsResponseSchema, whole))), `${count} contexts`);
  }
});

test("a context is encoded once for the events of few tasks", () => {
  let reads = 0;
  const context = (processPid: number) => ({
    processPid,
    unixOrigin: 0n,
    get cgroupPath() {
      reads++;
      return "/é";
    },
  });
  const few = [context(1), context(2)];
  const responses = new ResponseEncoder();
  for (let i = 0; i < 100; i++) {
    responses.start();
    for (const each of few) responses.add({ context: each, sensorSequenceNumber: i }, 1);
    responses.finish();
  }
  assert.is(reads, 2);
});

test("a response as long as most keeps little more alive than itself", () => {
  const responses = new ResponseEncoder();
  const results = Array.from({ length: 50 }, (_, i) => {
    responses.start();
    for (let j = 0; j < (i % 3 === 0 ? 2 : 64); j++) responses.add({ id: `${i}`, cgroupPath: "x".repeat(1000) }, 1);
    return responses.finish();
  });
  results.forEach((bytes, i) => {
    if (i % 3 > 0)
      assert.ok(bytes.buffer.byteLength < 1.5 * bytes.length, `${bytes.buffer.byteLength} for ${bytes.length}`);
  });
});

test("what is given back is written again, and nothing else", () => {
  const responses = new ResponseEncoder();
  const random = new Random(seed);
  const live: { bytes: Uint8Array; before: string }[] = [];
  const buffers = new Set<ArrayBufferLike>();
  for (let i = 0; i < 150; i++) {
    responses.start();
    for (let j = random.pick([1, 2, 8, 34, 40, 64, 80]); j > 0; j--)
      responses.add({ id: `${i}`, cgroupPath: String.fromCharCode(97 + (i % 26)).repeat(1000) }, 1);
    const bytes = responses.finish();
    buffers.add(bytes.buffer);
    live.push({ bytes, before: Buffer.from(bytes).toString("latin1") });
    if (live.length < 10) continue;
    const [{ bytes: done }] = live.splice(random.integer(live.length), 1) as [(typeof live)[0]];
    responses.reuse(done);
    for (const { bytes: others, before } of live) assert.ok(Buffer.from(others).toString("latin1") === before);
  }
  assert.ok(buffers.size < 120, `${buffers.size} buffers`);
});

test("a response that fails is forgotten", () => {
  const responses = new ResponseEncoder();
  responses.start();
  responses.add({ id: "a" }, 1);
  assert.throws(() => responses.add({ id: "b", cpu: 2 ** 40 }, 1), /out of|range|int32/);
  responses.start();
  responses.add({ id: "c" }, 1);
  const bytes = Buffer.from(responses.finish()).toString("latin1");
  assert.ok(bytes.includes("c") && !bytes.includes("a"));
});

/** The context in a random event. */
function contextOf(plain: PlainMessage, random: Random): EventContextInit {
  const origins = [0n, 1_700_000_000_123_456_789n, 0xffff_fffen, -5n, 2n ** 62n];
  return { ...(plain as EventInit), unixOrigin: random.pick(origins) };
}

/** A random event of a context, and the whole event that it stands for. */
function inContext(context: EventContextInit, random: Random): { init: EventInit; plain: PlainMessage } {
  const edges = [0, 1, 9, 10, 99, 100, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1];
  const number = () => (random.once(2) ? random.pick(edges) : random.integer(2 ** 31));
  const sensorSequenceNumber = number();
  const sensorMonotimeNanos = random.once(10) ? -1 : number();
  const { event, cpu } = randomMessage(TelemetryEventSchema, random) as EventInit;
  const { unixOrigin, ...common } = context as EventContextInit & PlainMessage;
  const init: EventInit = { context, sensorSequenceNumber, sensorMonotimeNanos, event, cpu };
  const plain = {
    ...common,
    event,
    cpu,
    id: `${context.sensorId ?? ""}-${sensorSequenceNumber}`,
    sensorSequenceNumber: BigInt(sensorSequenceNumber),
    sensorMonotimeNanos: BigInt(sensorMonotimeNanos),
    unixTimeNanos: BigInt.asIntN(64, unixOrigin + BigInt(sensorMonotimeNanos)),
  };
  return { init, plain: plain as PlainMessage };
}

test.run();
