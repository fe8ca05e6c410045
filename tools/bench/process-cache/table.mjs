// Tables of many tasks, as a cache of a big host holds them. Run by itself it prints what 100,000 tasks take.
import { pathToFileURL } from "node:url";
import { CloneFlag } from "../../../packages/process-cache/dist/index.js";
import { TaskTracker } from "../../../packages/process-cache/dist/task-tracker.js";
import { FakeSystem } from "../../../packages/process-cache/dist/testing/fake-system.js";

const THREAD = CloneFlag.VM | CloneFlag.FS | CloneFlag.SIGHAND | CloneFlag.THREAD;

/** A table of so many tasks: each tenth a process with arguments of its own, the others its threads. */
export function fillTable(count) {
  const system = new FakeSystem();
  const finder = system.finder({ maxExited: count });
  const tracker = new TaskTracker(finder);
  let elapsed = 0;
  const context = (pid) => {
    elapsed += 1000;
    return { pid, tid: pid, cgroup: 77, elapsed };
  };
  for (let pid = 2; pid <= count; pid++) {
    const isProcess = pid % 10 === 2;
    const leader = isProcess ? 1 : pid - ((pid - 2) % 10);
    tracker.forked(context(leader), pid, "worker", isProcess ? 0 : THREAD);
    if (!isProcess) continue;
    const argv = ["/usr/bin/program", `--number=${pid}`, "--with", "/some/longer/path/to/a/file.conf"];
    const args = { argv, truncated: false, origin: { source: "tracepoint", complete: true } };
    const ids = { uid: 0, euid: 0, gid: 0, egid: 0, secure: false };
    tracker.executed(context(pid), {
      pid,
      oldPid: pid,
      filename: argv[0],
      args,
      ids,
      startStack: 0x7ffd_0000_0000n,
    });
  }
  return finder;
}

/** Nanoseconds of a lookup of a random task. */
export function lookupNanos(finder) {
  const size = 1 << 18;
  const { living } = finder.table.stats();
  const pids = Int32Array.from({ length: size }, () => 2 + Math.floor(Math.random() * (living - 2)));
  const rounds = [];
  let found = 0;
  for (let round = 0; round < 40; round++) {
    // Not by the clock: others may have the CPU meanwhile.
    const { user } = process.cpuUsage();
    found += lookupAll(finder, pids);
    rounds.push(((process.cpuUsage().user - user) * 1e3) / size);
  }
  if (found === 0) throw new Error("nothing was found");
  rounds.sort((a, b) => a - b);
  return { median: Number(rounds[20]?.toFixed(1)), best: Number(rounds[0]?.toFixed(1)) };
}

/** A function of its own, as callers are: V8 compiles the body of a running loop less well. */
function lookupAll(finder, pids) {
  let sum = 0;
  for (let index = 0; index < pids.length; index++) sum += finder.lookup(pids[index]).pid;
  return sum;
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const settle = () => {
    for (let turn = 0; turn < 4; turn++) globalThis.gc();
    const { heapUsed, external, arrayBuffers } = process.memoryUsage();
    return heapUsed + external + arrayBuffers;
  };
  fillTable(1000);
  const before = settle();
  const finder = fillTable(100_000);
  const megabytes = (settle() - before) / 1e6;
  console.log(JSON.stringify({ tasks: finder.table.stats().living, megabytes }));
}
