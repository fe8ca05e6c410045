import { mkdirSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { CloneFlag } from "./clone-flags.js";
import { endMissing } from "./proc-sweep.js";
import { Procfs } from "./procfs.js";
import { TaskTracker } from "./task-tracker.js";
import { FakeSystem } from "./testing/fake-system.js";
import { FakeProc } from "./testing/index.js";

const options = { slice: 4, signal: new AbortController().signal };
const SECOND = 1e9;
const THREAD = CloneFlag.VM | CloneFlag.FS | CloneFlag.SIGHAND | CloneFlag.THREAD;

test("a million forks of which a tenth is never seen to end: bounded, and none of them is taken to live", async () => {
  using proc = new FakeProc();
  const system = new FakeSystem();
  system.add(1, {});
  system.add(10, {});
  proc.add(1);
  proc.add(10);
  const finder = system.finder({ maxExited: 32_768 });
  const tracker = new TaskTracker(finder);
  let elapsed = 0;
  let living = 0;
  for (let made = 0; made < 1_000_000; made++) {
    // 5,000 a second; pids come round every 30,000.
    elapsed += 200_000;
    const pid = 1000 + (made % 30_000);
    tracker.forked({ pid: 10, tid: 10, cgroup: 0, elapsed }, pid, "x", 0);
    elapsed += 1000;
    const own = { pid, tid: pid, cgroup: 0, elapsed };
    if (made % 10 !== 3) tracker.exited(own, { command: "x", end: 0, groupDead: true }, () => 0);
    living = Math.max(living, finder.table.stats().living);
  }
  assert.ok(living <= 3002, `${living} at most`);
  const { exited, evicted } = finder.table.stats();
  assert.is(exited, 32_768);
  assert.ok(evicted > 900_000);

  system.now = elapsed + 30 * SECOND;
  assert.equal(await endMissing(new Procfs(proc.root), finder, options), { ended: 3000, young: 0 });
  assert.is(finder.table.stats().living, 2);
  assert.is(finder.table.stats().exited, 32_768);
});

test("the young, and all where /proc cannot be read, are left alone", async () => {
  using proc = new FakeProc();
  const system = new FakeSystem();
  system.add(10, {});
  const finder = system.finder();
  finder.lookup(10);
  const tracker = new TaskTracker(finder);
  const context = { pid: 10, tid: 10, cgroup: 0, elapsed: 9 * SECOND };
  const young = tracker.forked(context, 100, "x", 0).childTask;
  system.now = 10 * SECOND;
  assert.equal(await endMissing(new Procfs("/nonexistent"), finder, options), { ended: 0, young: 0 });
  proc.add(10);
  assert.equal(await endMissing(new Procfs(proc.root), finder, options), { ended: 0, young: 1 });
  assert.is(young.exitTime, undefined);
  system.now = 12 * SECOND;
  assert.equal(await endMissing(new Procfs(proc.root), finder, options), { ended: 1, young: 0 });
  assert.equal([young.exitTime, young.exitStatus], [12 * SECOND, undefined]);
});

test("threads whose end was not seen are ended while their process lives on", async () => {
  using proc = new FakeProc();
  const system = new FakeSystem();
  system.add(10, {});
  proc.add(10);
  const finder = system.finder();
  const tracker = new TaskTracker(finder);
  for (let tid = 100; tid < 110; tid++) tracker.forked({ pid: 10, tid: 10, cgroup: 0, elapsed: 0 }, tid, "x", THREAD);
  const leader = finder.lookup(10);
  assert.is(leader.threads?.size, 10);
  mkdirSync(`${proc.root}/10/task/105`);
  system.now = 10 * SECOND;
  assert.equal(await endMissing(new Procfs(proc.root), finder, options), { ended: 9, young: 0 });
  assert.equal(
    [...(leader.threads ?? [])].map(({ pid }) => pid),
    [105],
  );
});

test.run();
