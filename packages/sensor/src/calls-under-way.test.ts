import { test } from "uvu";
import * as assert from "uvu/assert";
import { CallsUnderWay } from "./calls-under-way.js";

test("a call that a call of the same function makes is not the program's", () => {
  const calls = new CallsUnderWay<string>();
  calls.enter(1, "vfs_mkdir", "upper", 900n);
  calls.enter(1, "notify_change", "mode", 800n);
  calls.enter(1, "vfs_mkdir", "lower", 700n);
  calls.enter(2, "vfs_mkdir", "another thread's", 500n);
  assert.is(calls.return(1, "vfs_mkdir"), undefined);
  assert.is(calls.return(1, "notify_change"), "mode");
  assert.is(calls.return(1, "vfs_mkdir"), "upper");
  assert.is(calls.return(1, "vfs_mkdir"), undefined);
  assert.is(calls.return(2, "vfs_mkdir"), "another thread's");
});

test("a return that was missed does not make what comes after it nested", () => {
  const calls = new CallsUnderWay<string>();
  calls.enter(1, "vfs_unlink", "missed", 900n);
  calls.enter(1, "vfs_unlink", "next", 900n);
  assert.is(calls.return(1, "vfs_unlink"), "next");
  assert.is(calls.return(1, "vfs_unlink"), undefined);
});

test("a return alone is nothing", () => {
  assert.is(new CallsUnderWay<string>().return(1, "vfs_unlink"), undefined);
});

test.run();
