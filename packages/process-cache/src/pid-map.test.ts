import { test } from "uvu";
import * as assert from "uvu/assert";
import { PID_LIMIT, PidMap } from "./pid-map.js";

test("it does what a Map does", () => {
  const map = new PidMap<string>();
  const model = new Map<number, string>();
  let seed = 7;
  const random = (limit: number) => {
    seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
    return (seed >>> 4) % limit;
  };
  for (let step = 0; step < 50_000; step++) {
    // Pids from a few places, among them the first and the last.
    const pid = [0, 255, 256, 70_000, PID_LIMIT - 300][random(5)]! + random(300);
    if (random(3) === 0) {
      map.delete(pid);
      model.delete(pid);
    } else {
      map.set(pid, `${step}`);
      model.set(pid, `${step}`);
    }
    const asked = random(PID_LIMIT);
    assert.is(map.get(asked), model.get(asked));
    assert.is(map.get(pid), model.get(pid));
  }
  const sorted = [...model].sort(([left], [right]) => left - right).map(([, value]) => value);
  assert.equal([...map.values()], sorted);
  for (const pid of model.keys()) map.delete(pid);
  assert.equal([...map.values()], []);
});

test("there is nothing at what is no pid", () => {
  const map = new PidMap<string>();
  for (const pid of [-1, PID_LIMIT, 2 ** 31, 2 ** 32 - 1]) assert.is(map.get(pid), undefined);
  map.delete(-1);
  map.delete(5);
});

test.run();
