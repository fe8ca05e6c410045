import { test } from "uvu";
import * as assert from "uvu/assert";
import { scanProcesses } from "./proc-scan.js";
import { ProcSystem } from "./proc-system.js";
import { Procfs } from "./procfs.js";
import { TaskFinder } from "./task-finder.js";
import { FakeSystem } from "./testing/fake-system.js";

class ListedProcfs extends Procfs {
  readonly #system: FakeSystem;

  constructor(system: FakeSystem) {
    super("/nonexistent");
    this.#system = system;
  }

  override pids(): number[] {
    return [...this.#system.snapshots.keys()];
  }
}

function crowd(count: number): { system: FakeSystem; procfs: Procfs } {
  const system = new FakeSystem();
  for (let pid = 1; pid <= count; pid++) system.add(pid, { parentPid: pid === 1 ? 0 : Math.floor(pid / 2) });
  return { system, procfs: new ListedProcfs(system) };
}

test("all processes with their parents, each read once", async () => {
  const { system, procfs } = crowd(500);
  const finder = system.finder();
  assert.is(await scanProcesses(procfs, finder, { slice: 5, signal: new AbortController().signal }), 500);
  assert.is(system.reads, 500);
  assert.is(finder.table.stats().living, 500);
  for (let pid = 2; pid <= 500; pid++) assert.is(finder.table.get(pid)?.parent?.pid, Math.floor(pid / 2));
});

test("the event loop has its turns between, and what happens in them stands", async () => {
  const { system, procfs } = crowd(200);
  const finder = system.finder();
  let turns = 0;
  const timer = setInterval(() => turns++, 0);
  const scan = scanProcesses(procfs, finder, { slice: 0, signal: new AbortController().signal });
  await new Promise((resolve) => setImmediate(resolve));
  const entry = finder.lookup(200);
  entry.command = "renamed meanwhile";
  await scan;
  clearInterval(timer);
  assert.ok(turns > 0);
  assert.is(finder.table.get(200), entry);
  assert.is(entry.command, "renamed meanwhile");
});

test("it can be broken off", async () => {
  const { system, procfs } = crowd(200);
  const finder = system.finder();
  const abort = new AbortController();
  const scan = scanProcesses(procfs, finder, { slice: 0, signal: abort.signal });
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
  const count = await scanProcesses(procfs, finder, { slice: 4, signal: new AbortController().signal });
  assert.ok(count > 1);
  const self = finder.table.get(process.pid);
  assert.equal([self?.parentPid, self?.creds?.uid, self?.ended], [process.ppid, process.getuid?.(), false]);
  assert.is(self?.commandLine.at(-1), process.argv.at(-1));
  assert.ok((self?.threads?.size ?? 0) > 0);
  assert.is(system.stats.misses < count, true);
});

test.run();
