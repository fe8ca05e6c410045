import { spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, mkdtempSync, readdirSync, rmSync, unlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { Procfs } from "./procfs.js";

const procfs = new Procfs();
const descriptors = () => readdirSync("/proc/self/fd").length;

/** Starts a shell that waits for input, and waits until it is what runs. */
async function waiter(program = "/bin/sh", cwd = "/", argument = "") {
  const args = ["-c", "read line", "a b", argument];
  const child = spawn(program, args, { cwd, stdio: ["pipe", "ignore", "ignore"], argv0: "s h" });
  await once(child, "spawn");
  return child;
}

async function end(child: ReturnType<typeof spawn>) {
  child.kill("SIGKILL");
  await once(child, "exit");
}

test("this process, as it knows itself", () => {
  const before = descriptors();
  const seen = procfs.with(process.pid, (directory) => ({
    stat: directory.stat(),
    status: directory.status(),
    cwd: directory.workingDirectory(),
    exe: directory.executable(),
    threads: directory.threads(),
    cgroups: directory.cgroups(),
    argv: directory.commandLine(1 << 20),
  }));
  assert.is(seen?.stat?.pid, process.pid);
  assert.is(seen?.stat?.parentPid, process.ppid);
  assert.is(seen?.status?.tgid, process.pid);
  assert.is(seen?.status?.creds?.euid, process.geteuid?.());
  assert.is(seen?.cwd, process.cwd());
  assert.is(seen?.exe?.path, process.execPath);
  assert.ok(seen!.exe!.inode > 0 && !seen!.exe!.deleted && !seen!.exe!.memfd);
  assert.ok(seen!.threads.includes(process.pid) && seen!.threads.length > 1);
  assert.ok(seen!.cgroups!.length > 0);
  assert.equal(seen?.argv?.argv.at(-1), process.argv[1]);
  assert.is(descriptors(), before);
});

test("a directory that is open stays the one of its process", async () => {
  const child = await waiter();
  const directory = procfs.open(child.pid!)!;
  assert.equal(directory.commandLine(4096)?.argv, ["s h", "-c", "read line", "a b", ""]);
  assert.is(directory.stat()?.startTick, procfs.stat(child.pid!)?.startTick);
  await end(child);
  assert.is(directory.stat(), undefined);
  assert.is(directory.status(), undefined);
  assert.is(directory.commandLine(4096), undefined);
  assert.is(directory.executable(), undefined);
  assert.equal(directory.threads(), []);
  directory.close();
});

test("an executable whose name was removed is told", async () => {
  const folder = mkdtempSync(join(tmpdir(), "procfs-"));
  const program = join(folder, "prog (deleted)");
  copyFileSync("/bin/sh", program);
  const child = await waiter(program, folder);
  assert.equal(
    procfs.with(child.pid!, (directory) => directory.executable()?.deleted),
    false,
  );
  assert.is(
    procfs.with(child.pid!, (directory) => directory.executable()?.path),
    program,
  );
  unlinkSync(program);
  const gone = procfs.with(child.pid!, (directory) => directory.executable());
  assert.equal([gone?.path, gone?.deleted, gone?.memfd], [program, true, false]);
  await end(child);
  rmSync(folder, { recursive: true });
});

test("long command lines come whole up to the limit", async () => {
  const long = "x".repeat(100_000);
  const child = await waiter("/bin/sh", "/", long);
  const whole = procfs.with(child.pid!, (directory) => directory.commandLine(1 << 20));
  assert.equal([whole?.argv.length, whole?.argv[4], whole?.truncated], [5, long, false]);
  const cut = procfs.with(child.pid!, (directory) => directory.commandLine(50_000));
  assert.is(cut?.truncated, true);
  assert.ok(cut!.argv[4]!.length < 50_000);
  await end(child);
});

test("what is not there is undefined", async () => {
  assert.is(procfs.open(0x3fff_ffff), undefined);
  assert.is(procfs.stat(0x3fff_ffff), undefined);
  assert.equal(await new Procfs("/nonexistent").pids(), []);
  assert.is(new Procfs("/nonexistent").bootId(), undefined);
  assert.ok((await procfs.pids()).includes(process.pid));
  assert.match(procfs.bootId()!, /^[0-9a-f-]{36}$/);
});

test.run();
