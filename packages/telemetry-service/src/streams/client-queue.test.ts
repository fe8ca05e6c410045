import type { Gap } from "@kernscope/sensor";
import type { EventInit } from "@kernscope/telemetry-api";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { BlockEncoder } from "./block-encoder.js";
import { ClientQueue, isGap } from "./client-queue.js";
import type { EventBlock } from "./event-block.js";

const encoder = new BlockEncoder({ responseBytes: 64 * 1024, responseEvents: 1024 });

function event(number: number, more: EventInit = {}): EventInit {
  return { sensorSequenceNumber: number, sensorMonotimeNanos: number * 10, unixTimeNanos: BigInt(number), ...more };
}

function loss(number: number, lost: number, first: number, last: number): EventInit {
  const value = { lost, firstSequenceNumber: first, lastSequenceNumber: last };
  return event(number, { event: { case: "lost", value } });
}

function block(...events: EventInit[]): EventBlock {
  return encoder.blocks(events, false)[0] as EventBlock;
}

function queueOf(events: number, bytes = 1e9) {
  return new ClientQueue({ events, bytes }, { nextSequenceNumber: () => 1000, toEvent: () => ({}) });
}

/** Takes the next entry, which must be a gap. */
function takeGap(queue: ClientQueue): Gap {
  const entry = queue.take();
  assert.ok(entry !== undefined && isGap(entry));
  return entry as Gap;
}

test("what has no room is one gap, with what its events tell to be lost", () => {
  const queue = queueOf(2);
  queue.push(block(event(1), event(2)));
  queue.push(block(event(3), event(4)));
  queue.push(block(loss(5, 20, 6, 25), event(26)));
  queue.push(block(event(27), loss(28, 3, 29, 31)));
  assert.equal([queue.dropped, queue.events, queue.firstSequenceNumber], [4, 2, 1]);
  queue.take();
  assert.is(queue.firstSequenceNumber, 3);
  assert.equal(takeGap(queue), {
    sequenceNumber: 1000,
    lost: 4 + 20 + 3,
    firstSequenceNumber: 3,
    lastSequenceNumber: 31,
    firstMonotimeNanos: 30,
    lastMonotimeNanos: 280,
  });
  assert.equal([queue.firstSequenceNumber, queue.bytes, queue.length], [undefined, 0, 0]);
});

test("a gap begins with the first event that one tells to be lost, and ends with a block that fits", () => {
  const queue = queueOf(1);
  queue.push(block(event(9)));
  queue.push(block(loss(20, 10, 10, 19)));
  queue.take();
  queue.push(block(event(21)));
  queue.push(block(event(22)));
  assert.is(queue.firstSequenceNumber, 10);
  const { lost, firstSequenceNumber, lastSequenceNumber } = takeGap(queue);
  assert.equal([lost, firstSequenceNumber, lastSequenceNumber], [10, 10, 20]);
  assert.is(queue.dropped, 1, "events that tell of losses do not count");
  assert.not(isGap(queue.take() as EventBlock));
  assert.is(takeGap(queue).lost, 1);
});

test("a block keeps what is to be known of its events, not them", () => {
  const made = block(event(7), loss(8, 5, 9, 13));
  assert.equal(made.facts, {
    events: 2,
    losses: 1,
    worth: 6,
    firstSequenceNumber: 7,
    lastSequenceNumber: 13,
    firstMonotimeNanos: 70,
    lastMonotimeNanos: 80,
    unixTimeNanos: 7,
  });
});

test("forms are kept for other clients, until they are to be forgotten", () => {
  let made = 0;
  const form = { name: "test", encode: () => Buffer.from(`${++made}`) };
  const one = block(event(1));
  assert.is(one.as(form), one.as(form));
  one.forgetForms();
  one.as(form);
  one.as(form);
  assert.is(made, 3);
});

test.run();
