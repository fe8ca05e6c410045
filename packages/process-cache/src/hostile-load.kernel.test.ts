import { once } from "node:events";
import { readFileSync } from "node:fs";
import { compileProgram, requires } from "@kernscope/test-support";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { changerSource } from "./changer.test.program.js";
import { KernelBed, scaled, startProgram, withBed } from "./kernel-bed.test.support.js";
import { SnapshotReader } from "./proc-snapshot.js";
import { Procfs } from "./procfs.js";

const kernel = requires({ root: true, perf: true, programs: ["/bin/true", "/usr/bin/cc"] });
const changer = compileProgram("changer", changerSource, ["-pthread"]);
test.after(() => changer[Symbol.dispose]());

/** `KERNSCOPE_FULL=1` runs what takes minutes. */
const isFull = process.env.KERNSCOPE_FULL === "1";
const isEmulated = process.env.KERNSCOPE_VM !== undefined;
const reuses = isFull ? 100_000 : isEmulated ? 400 : 10_000;

kernel(
  `${reuses} processes one after the other with the same 50 pids: each has its own name, arguments, status and id`,
  withBed(
    async (bed) => {
      // Pids that nobody gets by chance: the highest, where the counter seldom is.
      const first = Number(readFileSync("/proc/sys/kernel/pid_max", "latin1")) - 200;
      const { pid: parent, lines } = await bed.run(changer.path, "reuse", `${first}`, "50", `${reuses}`);
      assert.is(lines.length, reuses);
      const ends = () => bed.exits.filter(({ event }) => event.task.parentPid === parent);
      await bed.until(() => bed.exits.length >= lines.length && ends().length >= lines.length);
      const turns = new Map<string, number>();
      // Others of the host may get one of the pids in between.
      const own = bed.forks.filter(({ event }) => event.task.pid === parent);
      const forks = byPid(own, ({ event }) => event.childTask.pid);
      const execs = byPid(bed.execs, ({ event }) => event.task.pid);
      const ended = new Set(ends().map(({ event }) => event.task));
      const ids = new Set<string>();
      for (const [pid = "", nonce] of lines) {
        const turn = turns.get(pid) ?? 0;
        turns.set(pid, turn + 1);
        const fork = forks.get(Number(pid))?.[turn];
        const task = fork?.event.childTask;
        assert.ok(task !== undefined && ended.has(task), `${pid} ${nonce}`);
        const executes = nonce?.endsWith("0");
        assert.equal([task.command, task.parentPid], [executes ? "true" : nonce, parent]);
        if (executes) {
          const exec = execs.get(Number(pid))?.find(({ event }) => event.task === task);
          assert.equal([exec?.event.task, exec?.event.commandLine], [task, ["/bin/true", nonce]]);
          assert.is(bed.cache.lookup(Number(pid), { at: exec!.sample.elapsed }).commandLine[1], nonce);
        }
        ids.add(`${task.processId}`);
      }
      assert.is(ids.size, lines.length);
      assert.is((await bed.monitor.loss()).total.lost, 0n);
    },
    { maxExited: 150_000 },
  ),
);

kernel("forks while records are lost: what is not seen to end is found to be gone, and nothing grows", async () => {
  const count = isFull ? 1_000_000 : scaled(20_000);
  // Nobody reads while they are made: what finds no room in these rings is lost.
  await using bed = await KernelBed.open(
    { maxExited: 1000 },
    { ringSize: 32 << 10, spanSize: 256 << 10, lossInterval: 50 },
  );
  const child = bed.start(changer.path, ["fork-many", `${count}`], "pipe");
  await new Promise((resolve) => child.stdout.once("data", resolve));
  bed.go();
  await bed.cache.ready;
  await bed.settle();
  const { lost } = (await bed.monitor.loss()).total;
  // Kernels before 6.0 do not count it.
  assert.ok(lost === undefined || lost > 0n);
  const deadline = performance.now() + 60_000;
  const procfs = new Procfs();
  const stale = async () => {
    const present = new Set(await procfs.pids());
    return bed.forks.filter(({ event: { childTask: task } }) => task.exitTime === undefined && !present.has(task.tgid));
  };
  // Loss is what starts the search; it goes on as long as there is some.
  while ((await stale()).length > 0 && performance.now() < deadline) {
    await bed.run("/bin/true");
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  assert.is((await stale()).length, 0);
  const { exited, living } = bed.cache.stats();
  assert.ok(exited <= 1000, `${exited} exited`);
  assert.ok(living < 5000, `${living} living`);
  assert.is(bed.cache.lookupTask(child.pid).exitTime, undefined);
  await bed.finish(child);
});

kernel("what /proc says of processes that come, change and go at once is never of two of them", async () => {
  const procfs = new Procfs();
  const reader = new SnapshotReader("/proc", 1 << 16);
  const before = new Set(await procfs.pids());
  const longest = isEmulated ? 1000 : 20;
  using load = startProgram(changer.path, ["named-forks", "3", "_".repeat(12), `${longest}`]);
  let rate = "";
  const output = load.stdout.on("data", (data) => {
    rate += data;
  });
  const over = once(output, "close");
  let [own, parents, gone] = [0, 0, 0];
  while (load.exitCode === null && rate === "") {
    for (const pid of await procfs.pids()) {
      if (before.has(pid)) continue;
      const snapshot = reader.read(pid);
      if (snapshot === undefined) gone++;
      if (snapshot?.parentPid !== load.pid || snapshot.isZombie) continue;
      assert.is(snapshot.pid, pid);
      const [argument = ""] = snapshot.argv.slice(3);
      const isRenamed = snapshot.command !== "changer";
      if (isRenamed) assert.is(snapshot.command, `) R\n${pid}`);
      if (argument.startsWith("_")) parents++;
      else if (argument !== "") {
        own++;
        assert.is(argument, `${`${pid}`.padStart(10, "0")}\n\ufffd`);
      }
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
  await over;
  console.log(`${Number(rate)} forks a second; read ${own} changed, ${parents} unchanged, ${gone} gone`);
  assert.ok(own > 10, `${own} changed, ${gone} gone`);
});

function byPid<T>(all: readonly T[], pidOf: (one: T) => number): Map<number, T[]> {
  const found = new Map<number, T[]>();
  for (const one of all) {
    const same = found.get(pidOf(one));
    if (same === undefined) found.set(pidOf(one), [one]);
    else same.push(one);
  }
  return found;
}

test.run();
