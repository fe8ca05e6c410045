import { create, toBinary } from "@bufbuild/protobuf";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { EventEncoder } from "./event-encoder.js";
import { GetEventsResponseSchema, TelemetryEventSchema } from "./messages.js";
import { ENVELOPE_SIZE, ResponseEncoder } from "./response-encoder.js";
import { randomMessage } from "./testing/field-values.js";
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

test("what the events of a process have in common is encoded once, with the same bytes", () => {
  let reads = 0;
  const counted = {
    pid: 1,
    processId: "p",
    executable: "/bin/é",
    get command() {
      reads++;
      return "c";
    },
  };
  const long = ["x".repeat(100_000)];
  const lineages = Array.from({ length: 100 }, (_, i) => [counted, { pid: i, command: `c${i}` }]);
  const credentials = { uid: 1, fsgid: 2 ** 32 - 1 };
  const responses = new ResponseEncoder();
  for (const count of [1, 100]) {
    reads = 0;
    const events = Array.from({ length: 200 }, (_, i) => ({
      id: `${i}`,
      processLineage: lineages[i % count] as (typeof lineages)[0],
      commandLine: i % 50 === 0 ? long : [],
      credentials,
    }));
    responses.start();
    for (const event of events) responses.add(event, publishTimeMicros);
    const bytes = Buffer.from(responses.finish());
    if (count === 1) assert.is(reads, 1, "of few processes once each");
    else assert.ok(reads > 100, "of very many as before");
    const whole = create(GetEventsResponseSchema, {
      events: events.map((event) => ({
        publishTimeMicros: BigInt(publishTimeMicros),
        event: create(TelemetryEventSchema, event),
      })),
    });
    const expected = Buffer.from(toBinary(GetEventsResponseSchema, whole));
    assert.ok(bytes.subarray(ENVELOPE_SIZE).equals(expected));
  }
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

test.run();
