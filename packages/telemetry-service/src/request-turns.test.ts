import { setImmediate as nextTurn } from "node:timers/promises";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { RequestTurns } from "./request-turns.js";

test("requests are handled in their order, four a turn, and those that are gone are not", async () => {
  const turns = new RequestTurns();
  const handled: number[] = [];
  const add = (number: number, gone = false) => turns.add({ gone, handle: () => handled.push(number) });
  for (let i = 0; i < 6; i++) add(i);
  for (let i = 0; i < 1000; i++) add(-1, true);
  for (let i = 6; i < 10; i++) add(i);
  assert.equal(handled, []);
  await nextTurn();
  assert.equal(handled, [0, 1, 2, 3]);
  await nextTurn();
  assert.equal(handled, [0, 1, 2, 3, 4, 5, 6, 7]);
  add(10);
  await nextTurn();
  assert.equal(handled.length, 11);
  assert.is(turns.length, 0);
  add(11);
  await nextTurn();
  assert.is(handled.at(-1), 11);
});

test("one that adds another while it is handled does not lose it", async () => {
  const turns = new RequestTurns();
  let second = false;
  const inner = { gone: false, handle: () => (second = true) };
  turns.add({ gone: false, handle: () => turns.add(inner) });
  await nextTurn();
  await nextTurn();
  assert.ok(second);
});

test.run();
