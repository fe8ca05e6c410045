import { test } from "uvu";
import * as assert from "uvu/assert";
import { ExitCalls } from "./exit-calls.js";
import { ThreadEnd } from "./exit-status.js";

test("a thread's code is what it gave last, once, 0 to 255", () => {
  const calls = new ExitCalls();
  calls.called(7, 3);
  calls.called(7, -1);
  assert.is(calls.take(7), 255);
  assert.is(calls.take(7), ThreadEnd.KILLED);
});

test("who called neither was killed", () => {
  assert.is(new ExitCalls().take(1), ThreadEnd.KILLED);
});

test("calls whose ends were lost do not pile up: the oldest are given up", () => {
  const calls = new ExitCalls();
  for (let tid = 1; tid <= 5000; tid++) calls.called(tid, 1);
  assert.is(calls.take(1), ThreadEnd.KILLED);
  assert.is(calls.take(904), ThreadEnd.KILLED);
  assert.is(calls.take(905), 1);
  assert.is(calls.take(5000), 1);
});

test.run();
