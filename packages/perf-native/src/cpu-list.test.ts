import { test } from "uvu";
import * as assert from "uvu/assert";
import { parseCpuList } from "./cpu-list.js";

test("ranges and single CPUs", () => {
  assert.equal(parseCpuList("0-3,8,10-11\n"), [0, 1, 2, 3, 8, 10, 11]);
  assert.equal(parseCpuList("0\n"), [0]);
  assert.equal(parseCpuList("\n"), []);
});

test.run();
