import { test } from "uvu";
import * as assert from "uvu/assert";
import { ExternalQueue } from "./external-queue.js";

test("samples come out by time, those of one time in the order they came", () => {
  const queue = new ExternalQueue();
  assert.is(queue.first, Infinity);
  assert.is(queue.pop(), undefined);
  const times: number[] = [];
  let random = 1;
  for (let index = 0; index < 2000; index++) {
    random = (random * 48_271) % 2_147_483_647;
    const elapsed = random % 100;
    times.push(elapsed);
    queue.push({ event: 0, pid: 0, tid: 0, cpu: 0, cgroup: 0, elapsed }, index);
    // Some leave while others come.
    if (index % 3 === 2) {
      assert.is(queue.first, Math.min(...times));
      const popped = queue.pop();
      times.splice(times.indexOf(popped?.sample.elapsed ?? -1), 1);
    }
  }
  let last = { elapsed: -1, order: -1 };
  for (let entry = queue.pop(); entry !== undefined; entry = queue.pop()) {
    const order = entry.data as number;
    const { elapsed } = entry.sample;
    assert.ok(elapsed > last.elapsed || (elapsed === last.elapsed && order > last.order));
    last = { elapsed, order };
    times.splice(times.indexOf(elapsed), 1);
  }
  assert.equal(times, []);
  assert.is(queue.first, Infinity);
  assert.is(queue.length, 0);
});

test("it is full when as many wait as may", () => {
  const queue = new ExternalQueue(2);
  const sample = { event: 0, pid: 0, tid: 0, cpu: 0, cgroup: 0, elapsed: 0 };
  queue.push(sample, 1);
  assert.not.ok(queue.full);
  queue.push(sample, 2);
  assert.ok(queue.full);
  queue.pop();
  assert.not.ok(queue.full);
});

test.run();
