import { test } from "uvu";
import * as assert from "uvu/assert";
import { SerialQueue } from "./serial-queue.js";

test("a job begins when the one before it has ended", async () => {
  const queue = new SerialQueue();
  const steps: string[] = [];
  const job = (name: string) => async () => {
    steps.push(`${name} begins`);
    await new Promise((resolve) => setImmediate(resolve));
    steps.push(`${name} ends`);
    return name;
  };
  assert.equal(await Promise.all([queue.run(job("a")), queue.run(job("b"))]), ["a", "b"]);
  assert.equal(steps, ["a begins", "a ends", "b begins", "b ends"]);
});

test("a job that fails tells its own caller only", async () => {
  const queue = new SerialQueue();
  const failing = queue.run(async () => {
    throw new Error("broken");
  });
  const next = queue.run(async () => 1);
  assert.is(await failing.catch((error) => error.message), "broken");
  assert.is(await next, 1);
});

test.run();
