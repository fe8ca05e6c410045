import { spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { SnapshotReader } from "./proc-snapshot.js";
import { Procfs } from "./procfs.js";

const procfs = new Procfs();
const reader = new SnapshotReader("/proc", 1 << 20);
const ownThreads = () => reader.readThreads(process.pid, procfs.threads(process.pid));

test("this process and its threads", () => {
  const snapshot = reader.read(process.pid)!;
  assert.is(snapshot.tgid, process.pid);
  assert.is(snapshot.parentPid, process.ppid);
  assert.is(snapshot.creds?.uid, process.getuid?.());
  assert.equal([snapshot.truncated, snapshot.isKernelThread, snapshot.isZombie], [false, false, false]);
  assert.is(snapshot.argv.at(-1), process.argv.at(-1));
  const threads = ownThreads();
  assert.is(threads.length, snapshot.threadCount - 1);
  for (const thread of threads) assert.is(thread.tgid, process.pid);
});

test("a thread's id gives the thread, with the process it belongs to", () => {
  const { pid } = ownThreads()[0]!;
  const snapshot = reader.read(pid)!;
  assert.equal([snapshot.pid, snapshot.tgid], [pid, process.pid]);
});

test("a zombie has no arguments and says that they are missing", async () => {
  const script = "sleep 0.01 & exec sleep 30";
  const parent = spawn("/bin/sh", ["-c", script], { stdio: "ignore" });
  await once(parent, "spawn");
  let zombie: ReturnType<typeof reader.read>;
  const deadline = Date.now() + 10_000;
  while (zombie === undefined && Date.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, 5));
    zombie = (await procfs.pids())
      .map((pid) => reader.read(pid))
      .find((found) => found?.parentPid === parent.pid && found?.isZombie);
  }
  assert.equal([zombie?.command, zombie?.argv, zombie?.truncated], ["sleep", [], true]);
  parent.kill("SIGKILL");
  await once(parent, "exit");
});

test("a limit on the arguments is told", () => {
  const snapshot = new SnapshotReader("/proc", 5).read(process.pid)!;
  assert.is(snapshot.truncated, true);
  assert.ok(snapshot.argv.join(" ").length <= 5);
});

test("several at once: those that there are, in their order, each as it is by itself", async () => {
  const pids = await procfs.pids();
  const found = await reader.readAll([0x3fff_ffff, ...pids, process.pid]);
  assert.ok(found.length > 2);
  const own = reader.read(process.pid)!;
  for (const { pid, command, argv, creds, startTick, cgroupPath } of [found.at(-1)!]) {
    assert.equal(
      [pid, command, argv, creds, startTick, cgroupPath],
      [own.pid, own.command, own.argv, own.creds, own.startTick, own.cgroupPath],
    );
  }
  const order = found.slice(0, -1).map(({ pid }) => pids.indexOf(pid));
  assert.equal(
    order,
    [...order].sort((a, b) => a - b),
  );
  const later = await reader.readThreadsLater(process.pid, procfs.threads(process.pid));
  assert.equal(
    later.map(({ pid }) => pid),
    ownThreads().map(({ pid }) => pid),
  );
});

test("more arguments than a reading has room for at once", async () => {
  const children = Array.from({ length: 8 }, () =>
    spawn("/bin/sh", ["-c", "read line", "x".repeat(100_000)], { stdio: ["pipe", "ignore", "ignore"] }),
  );
  await Promise.all(children.map((child) => once(child, "spawn")));
  const found = await new SnapshotReader("/proc", 120_000).readAll(children.map(({ pid }) => pid!));
  assert.equal(
    found.map(({ pid, argv }) => [pid, argv[3]?.length]),
    children.map(({ pid }) => [pid, 100_000]),
  );
  for (const child of children) child.kill("SIGKILL");
});

test("no such process", () => {
  assert.is(reader.read(0x3fff_ffff), undefined);
  assert.equal(reader.readThreads(0x3fff_ffff, procfs.threads(0x3fff_ffff)), []);
});

test.run();
