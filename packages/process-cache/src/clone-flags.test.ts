import { test } from "uvu";
import * as assert from "uvu/assert";
import { CloneFlag, CSIGNAL, cloneFlagNames, hasCloneFlag } from "./clone-flags.js";

test("every flag is one bit of its own", () => {
  const values = Object.values(CloneFlag);
  assert.is(new Set(values).size, values.length);
  for (const value of values) assert.ok(Number.isInteger(Math.log2(value)), value.toString(16));
});

test("the flags lie without a gap from bit 7 to bit 33, above the signal's bits but for NEWTIME", () => {
  const sum = Object.values(CloneFlag).reduce((left, right) => left + right, 0);
  assert.is(sum, 2 ** 34 - 2 ** 7);
  assert.is(Object.values(CloneFlag).filter((flag) => flag <= CSIGNAL).length, 1);
});

test("flags at and above bit 31 are told from each other", () => {
  assert.ok(hasCloneFlag(CloneFlag.IO, CloneFlag.IO));
  assert.not(hasCloneFlag(CloneFlag.IO, CloneFlag.INTO_CGROUP));
  assert.ok(hasCloneFlag(CloneFlag.INTO_CGROUP + CloneFlag.VM, CloneFlag.INTO_CGROUP));
  assert.ok(hasCloneFlag(CloneFlag.INTO_CGROUP + CloneFlag.VM, CloneFlag.VM));
  assert.not(hasCloneFlag(CloneFlag.CLEAR_SIGHAND, CloneFlag.INTO_CGROUP));
});

test("a pthread's flags have names", () => {
  const names = cloneFlagNames(0x3d0f00);
  assert.equal(names, [
    "VM",
    "FS",
    "FILES",
    "SIGHAND",
    "THREAD",
    "SYSVSEM",
    "SETTLS",
    "PARENT_SETTID",
    "CHILD_CLEARTID",
  ]);
  assert.equal(cloneFlagNames(0), []);
});

test.run();
