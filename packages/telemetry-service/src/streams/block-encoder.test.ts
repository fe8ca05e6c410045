import type { EventInit } from "@kernscope/telemetry-api";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { BlockEncoder } from "./block-encoder.js";
import { ClientQueue } from "./client-queue.js";
import type { EventBlock } from "./event-block.js";

const limits = { responseBytes: 64 * 1024, responseEvents: 1024 };

function eventsOf(name: string): EventInit[] {
  return Array.from({ length: 60 }, (_, i) => ({ id: `${name}${i}`, cgroupPath: name.repeat(1000) }));
}

/** A queue that has room for two blocks. */
function queueOf(events = 120) {
  return new ClientQueue({ events, bytes: 1e9 }, { nextSequenceNumber: () => 1, toEvent: () => ({}) });
}

/** As a feed does. */
function give(block: EventBlock, queues: readonly ClientQueue[]): void {
  block.hold();
  for (const queue of queues) queue.push(block);
  block.release();
}

test("a block's bytes are written again once all who hold it have released it, and not before", () => {
  const encoder = new BlockEncoder(limits);
  const make = (name: string) => encoder.blocks(eventsOf(name), false)[0] as EventBlock;
  const queues = [queueOf(), queueOf()];
  const first = make("a");
  const { buffer } = first.response;
  const text = Buffer.from(first.response).toString("latin1");
  give(first, queues);
  const [one, other] = queues.map((queue) => queue.take() as EventBlock);
  one?.release();
  assert.is.not(make("b").response.buffer, buffer);
  assert.is(Buffer.from(first.response).toString("latin1"), text);
  other?.release();
  assert.is(make("c").response.buffer, buffer);
});

test("what no client had room for is written again; what a closed one held is not", () => {
  const encoder = new BlockEncoder(limits);
  const make = (name: string) => encoder.blocks(eventsOf(name), false)[0] as EventBlock;
  const full = queueOf(60);
  const held = make("a");
  give(held, [full]);
  const dropped = make("b");
  give(dropped, [full]);
  assert.is(full.dropped, 60);
  full.clear();
  assert.is(make("c").response.buffer, dropped.response.buffer);
  assert.is.not(make("d").response.buffer, held.response.buffer);
});

test.run();
