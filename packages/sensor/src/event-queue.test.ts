import type { Task } from "@kernscope/process-cache";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { EventContext } from "./event-context.js";
import { EventQueue, type Gap } from "./event-queue.js";
import type { EventPayload, LostPayload } from "./payload.js";
import { SensorEvent } from "./sensor-event.js";

function contextOf(commandLine: readonly string[]): EventContext {
  const leader = { pid: 1, commandLine, commandLineTruncated: false };
  return new EventContext({ sensorId: "", unixOrigin: 0n }, undefined, { ...leader, leader } as unknown as Task);
}

/** A queue whose events and gaps take their numbers from one sequence, as a sensor's do. */
function setUp(limits: { events: number; bytes: number }) {
  let sequence = 0;
  const numbered = (sequence: number, payload: EventPayload, commandLine: readonly string[] = []) =>
    new SensorEvent(contextOf(commandLine), sequence, sequence * 10, 0, payload);
  const event = (commandLine?: string[]) => numbered(++sequence, { case: "process", value: { type: 1 } }, commandLine);
  const loss = (value: Partial<LostPayload> = {}) =>
    numbered(++sequence, { case: "lost", value: { lost: 1, type: 1, cause: 1, ...value } });
  const toEvent = ({ sequenceNumber, cause = 5, ...gap }: Gap) =>
    numbered(sequenceNumber, { case: "lost", value: { ...gap, type: 1, cause } });
  const queue = new EventQueue(limits, { nextSequenceNumber: () => ++sequence, toEvent });
  /** What is taken: numbers of events, counts of gaps in brackets. */
  const take = (most = 100) =>
    queue
      .take(most)
      .map(({ sensorSequenceNumber, event: { case: kind, value } }) =>
        kind === "lost" ? [value.lost, value.firstSequenceNumber, value.lastSequenceNumber] : sensorSequenceNumber,
      );
  return { queue, event, loss, take };
}

test("events come out in their order", () => {
  const { queue, event, take } = setUp({ events: 10, bytes: 1e6 });
  for (let i = 0; i < 5; i++) assert.ok(queue.push(event()));
  assert.equal(take(2), [1, 2]);
  assert.equal(take(), [3, 4, 5]);
  assert.equal(take(), []);
});

test("what finds no room is one gap in its place, with exact numbers", () => {
  const { queue, event, take } = setUp({ events: 2, bytes: 1e6 });
  for (let i = 0; i < 5; i++) queue.push(event());
  assert.equal(queue.dropped, 3);
  assert.equal(take(1), [1]);
  queue.push(event()); // 7: the gap itself is number 4
  queue.push(event());
  assert.equal(take(), [2, [3, 3, 6], 7, [1, 8, 8]]);
  assert.is(queue.admitted, 3);
  assert.is(queue.dropped, 4);
});

test("what is taken out is counted without what tells of losses", () => {
  const { queue, event, take, loss } = setUp({ events: 3, bytes: 1e6 });
  queue.push(event());
  queue.push(loss());
  queue.push(event());
  queue.push(event());
  assert.is(take().length, 4);
  assert.is(queue.taken, 2);
  assert.is(queue.length, 0);
  for (let i = 0; i < 3; i++) assert.ok(queue.push(event()));
});

test("a loss that finds no room is told by the gap, with its count and from when it began", () => {
  const { queue, event, take, loss } = setUp({ events: 1, bytes: 1e6 });
  queue.push(event());
  queue.push(loss({ lost: 1000, firstMonotimeNanos: 7 }));
  queue.push(event());
  assert.is(queue.dropped, 1);
  const [, gap] = queue.take(100);
  assert.equal(gap!.event.value, {
    lost: 1001,
    firstSequenceNumber: 2,
    lastSequenceNumber: 4,
    firstMonotimeNanos: 7,
    lastMonotimeNanos: 40,
    type: 1,
    cause: 5,
  });
  // Of one cause, it is that one.
  queue.push(event());
  queue.push(loss({ lost: 0, cause: 6 }));
  assert.is((queue.take(100)[1]!.event.value as LostPayload).cause, 6);
  assert.equal(take(), []);
});

test("a gap that is still open when it is taken is not written to afterwards", () => {
  const { queue, event, take } = setUp({ events: 1, bytes: 1e6 });
  queue.push(event());
  queue.push(event());
  assert.equal(take(), [1, [1, 2, 2]]);
  queue.push(event());
  queue.push(event());
  assert.equal(take(), [4, [1, 5, 5]]);
});

test("bytes bound it as well, and an event too big for it goes through alone", () => {
  const { queue, event, take } = setUp({ events: 100, bytes: 2000 });
  const big = event(["x".repeat(5000)]);
  assert.ok(queue.push(big));
  assert.not(queue.push(event()));
  assert.equal(take(), [1, [1, 2, 2]]);
  for (let i = 0; i < 3; i++) assert.ok(queue.push(event()));
  assert.not(queue.push(event()));
});

test("the same bounds hold again when all was taken or cleared", () => {
  const { queue, event, take } = setUp({ events: 3, bytes: 1e6 });
  for (let round = 0; round < 10; round++) {
    for (let i = 0; i < 3; i++) assert.ok(queue.push(event()));
    if (round % 2 === 0) take();
    else queue.clear();
    assert.is(queue.length, 0);
  }
});

test("the first number is that of what was to come first, and the bytes are those of what waits", () => {
  const { queue, event, take } = setUp({ events: 2, bytes: 1e6 });
  assert.equal([queue.firstSequenceNumber, queue.bytes], [undefined, 0]);
  for (let i = 0; i < 3; i++) queue.push(event());
  const { bytes } = queue;
  assert.is(queue.firstSequenceNumber, 1);
  take(1);
  assert.equal([queue.firstSequenceNumber, queue.bytes], [2, bytes / 2]);
  take(1);
  assert.equal([queue.firstSequenceNumber, queue.bytes], [3, 0], "of the first that the gap stands for");
  take();
  assert.is(queue.firstSequenceNumber, undefined);
});

test.run();
