import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { TelemetryApiError } from "./errors.js";
import { EventEncoder, joinEvents } from "./event-encoder.js";
import type { EventInit, ReceivedEventInit } from "./event-init.js";
import {
  GetEventsResponseSchema,
  ProcessEventType,
  type ReceivedTelemetryEvent,
  ReceivedTelemetryEventSchema,
  type TelemetryEvent,
  TelemetryEventSchema,
} from "./messages.js";
import { type PlainMessage, randomMessage, singleFieldMessages } from "./testing/field-values.js";
import { Random } from "./testing/random.js";

const seed = Number(process.env.KERNSCOPE_SEED ?? 20240229);
const encoder = new EventEncoder();

test("every field alone, at every edge value, has the bytes of protobuf-es", () => {
  let count = 0;
  for (const plain of singleFieldMessages(TelemetryEventSchema)) {
    sameAsProtobufEs(plain);
    count++;
  }
  assert.ok(count > 2000, `only ${count} messages`);
});

test("every field of a received event has the bytes of protobuf-es, with tag and length in front", () => {
  for (const plain of singleFieldMessages(ReceivedTelemetryEventSchema)) sameReceivedAsProtobufEs(plain);
  sameReceivedAsProtobufEs({});
});

test(`random events have the bytes of protobuf-es (seed ${seed})`, () => {
  const random = new Random(seed);
  for (let i = 0; i < 3000; i++) {
    sameAsProtobufEs(randomMessage(TelemetryEventSchema, random));
    sameReceivedAsProtobufEs(randomMessage(ReceivedTelemetryEventSchema, random));
  }
});

test("a generated message is encoded as it is", () => {
  const random = new Random(seed);
  for (let i = 0; i < 100; i++) {
    const message = create(TelemetryEventSchema, randomMessage(TelemetryEventSchema, random));
    assert.equal(hex(encoder.encode(message)), hex(toBinary(TelemetryEventSchema, message)));
  }
});

test("absent, undefined and default are the same: not on the wire", () => {
  assert.is(encoder.encode({}).length, 0);
  assert.is(encoder.encode({ id: "", cpu: 0, sensorSequenceNumber: 0, sensorMonotimeNanos: 0n }).length, 0);
  assert.is(encoder.encode({ id: undefined, event: undefined, credentials: undefined, commandLine: [] }).length, 0);
  assert.is(encoder.encode({ event: { case: undefined }, commandLineTruncated: false, processPid: -0 }).length, 0);
});

test("one encoding is part of many responses", () => {
  const random = new Random(seed);
  const received = Array.from({ length: 50 }, () => randomMessage(ReceivedTelemetryEventSchema, random));
  const chunks = received.map((plain) => encoder.encodeReceivedEvent(withNumbers(plain) as ReceivedEventInit));
  for (const [from, to] of [
    [0, 50],
    [10, 11],
    [7, 43],
  ] as const) {
    const response = create(GetEventsResponseSchema, { events: received.slice(from, to).map(receivedMessage) });
    assert.equal(hex(joinEvents(chunks.slice(from, to))), hex(toBinary(GetEventsResponseSchema, response)));
  }
  assert.is(joinEvents([]).length, 0);
});

test("statuses in front of the events make one response", () => {
  const chunk = encoder.encodeReceivedEvent({ event: { id: "a" } });
  const statuses = toBinary(GetEventsResponseSchema, create(GetEventsResponseSchema, { statuses: [{ code: 12 }] }));
  const response = fromBinary(GetEventsResponseSchema, joinEvents([statuses, chunk]));
  assert.is(response.statuses[0]?.code, 12);
  assert.is(response.events[0]?.event?.id, "a");
});

test("results are never written again", () => {
  const random = new Random(seed);
  const kept: { result: Uint8Array; before: string }[] = [];
  for (let i = 0; i < 500; i++) {
    const result = encoder.encode(randomMessage(TelemetryEventSchema, random) as EventInit);
    kept.push({ result, before: hex(result) });
    if (i % 7 === 0) refused(() => encoder.encode({ id: "spoils the slab?".repeat(20), cpu: 0.5 }));
  }
  for (const { result, before } of kept) assert.is(hex(result), before);
});

test("a short result keeps alive at most 16 KiB, a long one nothing but itself", () => {
  for (let size = 0; size < 2000; size += 3) {
    const short = encoder.encode({ id: "x".repeat(size) });
    assert.ok(short.buffer.byteLength <= 16 * 1024, `${short.buffer.byteLength} bytes for ${short.length}`);
  }
  for (const size of [3000, 100_000, 3_000_000]) {
    const long = encoder.encode({ id: "x".repeat(size) });
    assert.is(long.buffer.byteLength, long.length);
    assert.is(encoder.encode({ id: "next" }).buffer, encoder.encode({ id: "and next" }).buffer);
  }
});

test("values that a field cannot have are refused, and the encoder can be used on", () => {
  const bad: EventInit[] = [
    { cpu: 2 ** 31 },
    { cpu: -(2 ** 31) - 1 },
    { cpu: 1.5 },
    { cpu: Number.NaN },
    { credentials: { uid: -1 } },
    { credentials: { uid: 2 ** 32 } },
    { processLineage: [{ pid: 2 ** 31 }] },
    { sensorSequenceNumber: -1 },
    { sensorSequenceNumber: -1n },
    { sensorSequenceNumber: 2n ** 64n },
    { sensorSequenceNumber: 2 ** 53 },
    { sensorMonotimeNanos: 2n ** 63n },
    { sensorMonotimeNanos: -(2n ** 63n) - 1n },
    { sensorMonotimeNanos: 0.1 },
    { event: { case: "network", value: { result: 2n ** 63n } } },
    address({ case: "ipv4Address", value: { address: { address: -1 } } }),
    address({ case: "ipv6Address", value: { address: { high: -1 } } }),
    address({ case: "ipv6Address", value: { address: { low: 2n ** 64n } } }),
    { id: 7 as unknown as string },
    { commandLine: [undefined as unknown as string] },
    {
      event: {
        case: "kernelCall",
        value: { arguments: { a: { value: { case: "bytesValue", value: [1] as never } } } },
      },
    },
    { event: { case: "kernelCall", value: { arguments: { a: { value: { case: "noValue" as never, value: "" } } } } } },
    { event: { case: "nothing" as never, value: {} } },
    address({ case: "nowhere" as never, value: "" }),
  ];
  const good: EventInit = { id: "1", event: { case: "process", value: { type: ProcessEventType.EXIT, exitCode: -1 } } };
  const before = hex(encoder.encode(good));
  for (const init of bad) {
    const error = refused(() => encoder.encode(init));
    assert.match(error.message, /^encode\(.+\): .+ – .+/);
    assert.is(hex(encoder.encode(good)), before);
  }
});

test("errors name field, value and range", () => {
  const { message } = refused(() => encoder.encode({ cpu: 2 ** 31 }));
  assert.is(
    message,
    "encode(field 201): 2147483648 is not of type int32 – give an integer from -2147483648 to 2147483647",
  );
});

function address(value: unknown): EventInit {
  return { event: { case: "network", value: { address: { address: value as never } } } };
}

function refused(body: () => unknown): TelemetryApiError {
  try {
    body();
  } catch (error) {
    assert.instance(error, TelemetryApiError);
    assert.is((error as TelemetryApiError).code, "invalid_value");
    return error as TelemetryApiError;
  }
  throw new Error("was not refused");
}

/** Encodes with 64-bit fields as bigint, and as number where that is exact. */
function sameAsProtobufEs(plain: PlainMessage): void {
  const message = create(TelemetryEventSchema, plain as MessageInitShape<typeof TelemetryEventSchema>);
  const expected = hex(toBinary(TelemetryEventSchema, message satisfies TelemetryEvent));
  same(hex(encoder.encode(plain as EventInit)), expected, plain);
  same(hex(encoder.encode(withNumbers(plain) as EventInit)), expected, plain);
}

function sameReceivedAsProtobufEs(plain: PlainMessage): void {
  const response = create(GetEventsResponseSchema, { events: [receivedMessage(plain)] });
  const expected = hex(toBinary(GetEventsResponseSchema, response));
  same(hex(encoder.encodeReceivedEvent(plain as ReceivedEventInit)), expected, plain);
  same(hex(encoder.encodeReceivedEvent(withNumbers(plain) as ReceivedEventInit)), expected, plain);
}

function receivedMessage(plain: PlainMessage): ReceivedTelemetryEvent {
  return create(ReceivedTelemetryEventSchema, plain as MessageInitShape<typeof ReceivedTelemetryEventSchema>);
}

function same(actual: string, expected: string, plain: PlainMessage): void {
  if (actual === expected) return;
  const shown = JSON.stringify(plain, (_, value) => (typeof value === "bigint" ? `${value}n` : value)).slice(0, 2000);
  assert.is(actual, expected, `other bytes for ${shown}`);
}

function withNumbers(value: unknown): unknown {
  if (typeof value === "bigint") return Number.isSafeInteger(Number(value)) ? Number(value) : value;
  if (value instanceof Uint8Array || typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(withNumbers);
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, withNumbers(item)]));
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("hex");
}

test.run();
