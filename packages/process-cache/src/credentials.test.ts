import { test } from "uvu";
import * as assert from "uvu/assert";
import { CredPool, credOfExec, credOfStatus } from "./credentials.js";

test("the ids of /proc/PID/status come in the order real, effective, saved, file system", () => {
  assert.equal(credOfStatus([1, 2, 3, 4], [5, 6, 7, 4294967295]), {
    uid: 1,
    euid: 2,
    suid: 3,
    fsuid: 4,
    gid: 5,
    egid: 6,
    sgid: 7,
    fsgid: 4294967295,
  });
  assert.is(credOfStatus([1, 2, 3], [5, 6, 7, 8]), undefined);
  assert.is(credOfStatus([1, 2, 3, 4], []), undefined);
});

test("exec sets saved and file system ids to the effective ones", () => {
  const cred = credOfExec(1000, 0, 100, 50);
  assert.equal([cred.suid, cred.fsuid, cred.sgid, cred.fsgid], [0, 0, 50, 50]);
  assert.equal([cred.uid, cred.gid], [1000, 100]);
});

test("equal credentials are one frozen object, and the pool is bounded", () => {
  const pool = new CredPool(2);
  const root = pool.intern(credOfExec(0, 0, 0, 0));
  assert.is(pool.intern(credOfExec(0, 0, 0, 0)), root);
  assert.ok(Object.isFrozen(root));
  assert.is.not(pool.intern(credOfExec(1, 0, 0, 0)), root);
  pool.intern(credOfExec(2, 0, 0, 0));
  assert.is.not(pool.intern(credOfExec(0, 0, 0, 0)), root);
  assert.equal(pool.intern(credOfExec(0, 0, 0, 0)), root);
});

test.run();
