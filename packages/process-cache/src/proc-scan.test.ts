import { test } from "uvu";
import * as assert from "uvu/assert";
import { scanProcesses } from "./proc-scan.js";
import type { ProcessSnapshot } from "./proc-snapshot.js";
import { ProcSystem } from "./proc-system.js";
import { Procfs } from "./procfs.js";
import { TaskFinder } from "./task-finder.js";
import { FakeSystem } from "./testing/fake-system.js";

function crowd(count: number): FakeSystem {
  const system = new FakeSystem();
  for (let pid = 1; pid <= count; pid++) system.add(pid, { parentPid: pid === 1 ? 0 : Math.floor(pid / 2) });
  return system;
}

test("all processes with their parents, each read once", async () => {
  const system = crowd(500);
  const finder = system.finder();
  assert.is(await scanProcesses(finder, { slice: 5, signal: new AbortController().signal }), 500);
  assert.is(system.reads, 500);
  assert.is(finder.table.stats().living, 500);
  for (let pid = 2; pid <= 500; pid++) assert.is(finder.table.get(pid)?.parent?.pid, Math.floor(pid / 2));
});

test("the event loop has its turns between, and what happens in them stands", async () => {
  const system = crowd(200);
  const finder = system.finder();
  let turns = 0;
  const timer = setInterval(() => turns++, 0);
  const scan = scanProcesses(finder, { slice: 0, signal: new AbortController().signal });
  await new Promise((resolve) => setImmediate(resolve));
  const entry = finder.lookup(200);
  entry.command = "renamed meanwhile";
  await scan;
  clearInterval(timer);
  assert.ok(turns > 0);
  assert.is(finder.table.get(200), entry);
  assert.is(entry.command, "renamed meanwhile");
});

/** A /proc in which something happens after 100 was read, and before that is taken in. */
class ChangingSystem extends FakeSystem {
  happens = () => {};

  override async snapshotsOf(pids: readonly number[]): Promise<readonly ProcessSnapshot[]> {
    const found = await super.snapshotsOf(pids);
    if (pids.includes(100)) this.happens();
    return found;
  }
}

for (const maxExited of [1000, 0]) {
  test(`what ended after it was read stays ended, with ${maxExited} kept`, async () => {
    const system = new ChangingSystem();
    system.add(99);
    system.add(100, { threadCount: 3 });
    for (const pid of [101, 102]) {
      const { argv: _argv, truncated: _truncated, cgroupPath: _path, ...thread } = system.snapshots.get(99)!;
      system.threadsOf.set(100, [...(system.threadsOf.get(100) ?? []), { ...thread, pid, tgid: 100 }]);
    }
    const finder = system.finder({ maxExited });
    system.happens = () => {
      // Its end is the first that a record tells of it.
      system.snapshots.delete(99);
      finder.end(finder.lookup(99), 5);
      finder.end(finder.lookup(102), 5);
    };
    await scanProcesses(finder, { slice: 5, signal: new AbortController().signal });
    assert.is(finder.table.stats().living, 2);
    assert.is(finder.table.get(99)?.ended ?? true, true);
    assert.equal(
      [...(finder.table.get(100)?.threads ?? [])].map(({ pid }) => pid),
      [101],
    );
  });
}

test("a pid that got a new owner after it was read is read again", async () => {
  const system = new ChangingSystem();
  system.add(100, { command: "first" });
  const finder = system.finder();
  system.happens = () => {
    system.snapshots.delete(100);
    finder.end(finder.lookup(100), 5);
    system.add(100, { command: "second", started: 10 });
  };
  await scanProcesses(finder, { slice: 5, signal: new AbortController().signal });
  assert.equal([finder.table.get(100)?.command, finder.table.get(100)?.ended], ["second", false]);
});

test("it can be broken off", async () => {
  const system = crowd(200);
  const finder = system.finder();
  const abort = new AbortController();
  const scan = scanProcesses(finder, { slice: 0, signal: abort.signal });
  await new Promise((resolve) => setImmediate(resolve));
  abort.abort();
  assert.ok((await scan) < 200);
});

test("the real /proc: this process, its parent, its threads", async () => {
  const procfs = new Procfs();
  const fake = new FakeSystem().finder();
  const system = new ProcSystem(procfs, 1 << 20);
  const finder = new TaskFinder({
    table: fake.table,
    system,
    clock: fake.clock,
    ids: fake.ids,
    creds: fake.creds,
    cgroups: fake.cgroups,
  });
  const count = await scanProcesses(finder, { slice: 4, signal: new AbortController().signal });
  assert.ok(count > 1);
  const self = finder.table.get(process.pid);
  assert.equal([self?.parentPid, self?.creds?.uid, self?.ended], [process.ppid, process.getuid?.(), false]);
  assert.is(self?.commandLine.at(-1), process.argv.at(-1));
  assert.ok((self?.threads?.size ?? 0) > 0);
  assert.is(system.stats.misses < count, true);
});

test.run();
