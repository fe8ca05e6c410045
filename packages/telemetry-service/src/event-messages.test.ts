import { create, fromBinary, toBinary, toJsonString } from "@bufbuild/protobuf";
import { type EventInit, GetEventsResponseSchema } from "@kernscope/telemetry-api";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { EventMessages } from "./event-messages.js";
import { execEvent } from "./testing/index.js";

const limits = { responseEvents: 10, responseBytes: 1000 };
const events = Array.from({ length: 25 }, (_, i) => execEvent(i + 1, ["/bin/true", "x".repeat(i)]));

test("binary and JSON clients get the same events, all of them and in order", () => {
  for (const json of [false, true]) {
    const sent = [...new EventMessages(limits).responses(events, false, json)];
    const received = sent
      .map((response) =>
        json ? response : fromBinary(GetEventsResponseSchema, toBinary(GetEventsResponseSchema, response)),
      )
      .flatMap((response) => response.events);
    assert.equal(
      received.map(({ event }) => event?.id),
      events.map(({ id }) => id),
    );
    assert.is(received[24]?.event?.commandLine[1], "x".repeat(24));
    const published = Number(received[0]?.publishTimeMicros);
    assert.ok(Math.abs(published / 1000 - Date.now()) < 60_000, `published at ${published} µs`);
  }
});

test("messages for JSON have fields, the others have bytes only", () => {
  const messages = new EventMessages(limits);
  const [forJson] = messages.responses(events.slice(0, 2), false, true);
  const [forBinary] = messages.responses(events.slice(0, 2), false, false);
  assert.match(toJsonString(GetEventsResponseSchema, forJson ?? create(GetEventsResponseSchema)), /fake-2/);
  assert.is(forBinary?.events.length, 0);
  assert.is(forBinary?.$unknown?.length, 1);
});

test("responses are bounded in events and bytes, but for an event that is longer than a response", () => {
  const sizes = (batch: readonly EventInit[]) =>
    [...new EventMessages(limits).responses(batch, false, true)].map((response) => response.events.length);
  assert.equal(sizes(Array.from({ length: 25 }, (_, i) => ({ id: `${i}` }))), [10, 10, 5]);
  const long = { id: "x".repeat(5000) };
  assert.equal(sizes([{ id: "a" }, long, { id: "b" }, { id: "c" }]), [1, 1, 2]);
  assert.equal(sizes([long, long]), [1, 1]);
  assert.equal(sizes([]), []);
});

test("an event that several subscribers get is encoded once", () => {
  let reads = 0;
  const event = {
    get id() {
      reads++;
      return "counted";
    },
  };
  const messages = new EventMessages(limits);
  const bytes = [1, 2, 3].map(() => {
    const [response] = messages.responses([event], true, false);
    return Buffer.from(response?.$unknown?.[0]?.data ?? []).toString("hex");
  });
  assert.is(reads, 1);
  assert.is(new Set(bytes).size, 1);
  assert.ok(bytes[0]?.includes(Buffer.from("counted").toString("hex")));
});

test.run();
