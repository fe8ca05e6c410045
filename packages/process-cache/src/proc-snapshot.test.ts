import { spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { readSnapshot, readThreads } from "./proc-snapshot.js";
import { Procfs } from "./procfs.js";

const procfs = new Procfs();

test("this process and its threads", () => {
  const snapshot = readSnapshot(procfs, process.pid, 1 << 20)!;
  assert.is(snapshot.tgid, process.pid);
  assert.is(snapshot.parentPid, process.ppid);
  assert.is(snapshot.creds?.uid, process.getuid?.());
  assert.equal([snapshot.truncated, snapshot.isKernelThread, snapshot.isZombie], [false, false, false]);
  assert.is(snapshot.argv.at(-1), process.argv.at(-1));
  const threads = readThreads(procfs, process.pid);
  assert.is(threads.length, snapshot.threadCount - 1);
  for (const thread of threads) assert.is(thread.tgid, process.pid);
});

test("a thread's id gives the thread, with the process it belongs to", () => {
  const { pid } = readThreads(procfs, process.pid)[0]!;
  const snapshot = readSnapshot(procfs, pid, 1 << 20)!;
  assert.equal([snapshot.pid, snapshot.tgid], [pid, process.pid]);
});

test("a zombie has no arguments and says that they are missing", async () => {
  const script = "sleep 0.01 & exec sleep 30";
  const parent = spawn("/bin/sh", ["-c", script], { stdio: "ignore" });
  await once(parent, "spawn");
  let zombie: ReturnType<typeof readSnapshot>;
  const deadline = Date.now() + 10_000;
  while (zombie === undefined && Date.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, 5));
    zombie = procfs
      .pids()
      .map((pid) => readSnapshot(procfs, pid, 1 << 20))
      .find((found) => found?.parentPid === parent.pid && found?.isZombie);
  }
  assert.equal([zombie?.command, zombie?.argv, zombie?.truncated], ["sleep", [], true]);
  parent.kill("SIGKILL");
  await once(parent, "exit");
});

test("a limit on the arguments is told", () => {
  const snapshot = readSnapshot(procfs, process.pid, 5)!;
  assert.is(snapshot.truncated, true);
  assert.ok(snapshot.argv.join(" ").length <= 5);
});

test("no such process", () => {
  assert.is(readSnapshot(procfs, 0x3fff_ffff, 100), undefined);
  assert.equal(readThreads(procfs, 0x3fff_ffff), []);
});

test.run();
