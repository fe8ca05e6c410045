// Proves the test bed, on each kernel or those that are named: node tools/vm/prove-bed.mjs [--kernel NAME]…

import * as assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { cacheRoot } from "./cache.mjs";
import { closingLine } from "./closing-line.mjs";
import { exitStatus, prepareGuest } from "./guest.mjs";
import { kernelLines } from "./kernels.mjs";

const runScript = fileURLToPath(new URL("run.mjs", import.meta.url));
const guestPart = fileURLToPath(new URL("bed-guest.mjs", import.meta.url));

/** @type {readonly (readonly [string, (kernel: string) => Promise<void>])[]} */
const tests = [
  ["a kprobe written to tracefs is hit once for each call", countsCalls],
  ["exit status, streams, folder and environment are those of the command", passesThrough],
  ["output is whole and exact, however slowly it is read", keepsOutput],
  ["the host's files are there and cannot be changed", protectsHost],
  ["a folder below /tmp is seen", showsTemporaryFolder],
  ["a command that does not end is ended: 124", limitsTime],
  ["a guest that dies is told with its console: 125", tellsDeath],
  ["a warning in the kernel log fails a command that passed: 123", findsWarning],
  ["a tainted kernel fails a command that passed: 123", findsTaint],
  ["SIGTERM ends the guest", endsOnSignal],
  ["the guest does not outlive a killed run.mjs", diesWithParent],
];

const { values } = parseArgs({
  options: { kernel: { type: "string", multiple: true, default: kernelLines.map((line) => line.name) } },
});
/** Children that run, ended when this program is. @type {Set<import("node:child_process").ChildProcess>} */
const running = new Set();
for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM"])) {
  process.on(signal, async () => {
    for (const child of running) child.kill(signal);
    await Promise.all([...running].map(closed));
    process.exit(1);
  });
}
const counts = { passed: 0, failed: 0, skipped: 0 };
for (const kernel of values.kernel) {
  await prepareGuest(kernel, { say: (text) => void process.stderr.write(`vm: ${text}\n`) });
  for (const [name, test] of tests) {
    try {
      await test(kernel);
      counts.passed++;
      process.stdout.write(`ok      linux ${kernel}: ${name}\n`);
    } catch (error) {
      counts.failed++;
      process.stdout.write(`FAILED  linux ${kernel}: ${name}\n`);
      process.stderr.write(`${error instanceof Error ? error.stack : error}\n`);
    }
  }
}
process.exitCode = counts.failed === 0 ? 0 : 1;
process.stdout.write(`${closingLine(counts)}\n`);

/** @param {string} kernel */
async function countsCalls(kernel) {
  const { status, stdout, stderr } = await run(kernel, [process.execPath, guestPart]);
  assert.equal(stderr, "");
  assert.equal(stdout.toString(), `${process.version} 137 hits of 137 calls\n`);
  assert.equal(status, 0);
}

/** @param {string} kernel */
async function passesThrough(kernel) {
  const script = 'printf "%s|%s|%s" "$1" "$PWD" "$KERNSCOPE_VM"; id -u >&2; cat; sleep 1000 & exit 42';
  const { status, stdout, stderr } = await run(kernel, ["sh", "-c", script, "sh", "it's $HOME"], { cwd: "/usr/share" });
  assert.equal(stdout.toString(), `it's $HOME|/usr/share|${kernel}`);
  assert.equal(stderr, "0\n");
  assert.equal(status, 42);
}

/** @param {string} kernel */
async function keepsOutput(kernel) {
  await inTemporaryFolder("/var/tmp", async (folder) => {
    const contents = randomBytes(3_000_001);
    await writeFile(join(folder, "bytes"), contents);
    const child = start(kernel, ["sh", "-c", `cat ${folder}/bytes; cat ${folder}/bytes >&2`]);
    const [out, err] = [createHash("sha256"), createHash("sha256")];
    child.stderr.pipe(err);
    for await (const chunk of child.stdout) {
      out.update(chunk);
      await sleep(5);
    }
    await closed(child);
    assert.equal(child.exitCode, 0);
    const expected = createHash("sha256").update(contents).digest("hex");
    assert.equal(out.digest("hex"), expected);
    assert.equal(err.read().toString("hex"), expected);
  });
}

/** @param {string} kernel */
async function protectsHost(kernel) {
  await inTemporaryFolder("/var/tmp", async (folder) => {
    await writeFile(join(folder, "old"), "host");
    const script = `cd ${folder} && cat old && echo guest >old && echo guest >new && cat old && ls`;
    const { status, stdout } = await run(kernel, ["sh", "-c", script]);
    assert.equal(stdout.toString(), "hostguest\nnew\nold\n");
    assert.equal(status, 0);
    assert.deepEqual(await readdir(folder), ["old"]);
    assert.equal(readFileSync(join(folder, "old"), "utf8"), "host");
  });
}

/** @param {string} kernel */
async function showsTemporaryFolder(kernel) {
  await inTemporaryFolder("/tmp", async (folder) => {
    await writeFile(join(folder, "file"), "");
    const { status, stdout } = await run(kernel, ["sh", "-c", "ls && touch new"], { cwd: folder });
    assert.equal(stdout.toString(), "file\n");
    assert.equal(status, 0);
    assert.deepEqual(await readdir(folder), ["file"]);
  });
}

/** @param {string} kernel */
async function limitsTime(kernel) {
  const { status, stderr } = await run(kernel, ["sleep", "1000"], { args: ["--timeout", "8"] });
  assert.match(stderr, /^vm: the time limit of 8 s is over$/m);
  assert.equal(status, exitStatus.timeOut);
}

/** @param {string} kernel */
async function tellsDeath(kernel) {
  const { status, stdout, stderr } = await run(kernel, [
    "sh",
    "-c",
    "echo before; sleep 1; echo c >/proc/sysrq-trigger",
  ]);
  assert.equal(stdout.toString(), "before\n");
  assert.match(stderr, /^vm: the guest died$/m);
  assert.match(stderr, /^vm: console: .*Kernel panic - not syncing: sysrq triggered crash$/m);
  assert.equal(status, exitStatus.guestDeath);
}

/** @param {string} kernel */
async function findsWarning(kernel) {
  const { status, stderr } = await run(kernel, ["sh", "-c", 'echo "WARNING: this is a test" >/dev/kmsg']);
  assert.match(stderr, /^vm: dmesg: .*WARNING: this is a test$/m);
  assert.match(stderr, /^vm: kernel fault: WARNING: this is a test$/m);
  assert.equal(status, exitStatus.kernelFault);
}

/** @param {string} kernel */
async function findsTaint(kernel) {
  const { status, stderr } = await run(kernel, ["sh", "-c", "echo 512 >/proc/sys/kernel/tainted"]);
  assert.match(stderr, /^vm: kernel fault: the kernel is tainted: warning \(W\)$/m);
  assert.equal(status, exitStatus.kernelFault);
}

/** @param {string} kernel */
async function endsOnSignal(kernel) {
  const { child, qemu } = await startAndWait(kernel);
  child.kill("SIGTERM");
  await closed(child);
  assert.equal(child.exitCode, 128 + 15);
  assert.ok(!existsSync(`/proc/${qemu}`));
  const left = await readdir(cacheRoot, { recursive: true });
  assert.deepEqual(
    left.filter((name) => name.includes(`.draft-${child.pid}-`)),
    [],
  );
}

/** @param {string} kernel */
async function diesWithParent(kernel) {
  const { child, qemu } = await startAndWait(kernel);
  child.kill("SIGKILL");
  await closed(child);
  const deadline = Date.now() + 10_000;
  while (existsSync(`/proc/${qemu}`) && Date.now() < deadline) await sleep(20);
  assert.ok(!existsSync(`/proc/${qemu}`));
}

/** Starts a guest that would run for long, and waits until its command does. @param {string} kernel */
async function startAndWait(kernel) {
  const child = start(kernel, ["sh", "-c", "echo up; sleep 1000"]);
  await Promise.race([once(child.stdout, "data"), closed(child)]);
  const qemu = Number(readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, "utf8").trim());
  assert.match(readFileSync(`/proc/${qemu}/comm`, "utf8"), /^qemu-system/);
  return { child, qemu };
}

/**
 * @param {string} kernel
 * @param {readonly string[]} command
 * @param {{ args?: readonly string[], cwd?: string }} [options]
 */
async function run(kernel, command, options) {
  const child = start(kernel, command, options);
  /** @type {Buffer[]} */
  const stdout = [];
  let stderr = "";
  child.stdout.on("data", (chunk) => stdout.push(chunk));
  child.stderr.on("data", (chunk) => {
    stderr += chunk;
  });
  await closed(child);
  return { status: child.exitCode, stdout: Buffer.concat(stdout), stderr };
}

/**
 * @param {string} kernel
 * @param {readonly string[]} command
 * @param {{ args?: readonly string[], cwd?: string }} [options]
 */
function start(kernel, command, { args = ["--timeout", "120"], cwd } = {}) {
  const child = spawn(process.execPath, [runScript, "--kernel", kernel, ...args, "--", ...command], {
    cwd,
    stdio: ["ignore", "pipe", "pipe"],
  });
  running.add(child);
  child.on("close", () => running.delete(child));
  return child;
}

/** @param {import("node:child_process").ChildProcess} child */
async function closed(child) {
  if (running.has(child)) await once(child, "close");
}

/** @param {string} parent @param {(folder: string) => Promise<void>} use */
async function inTemporaryFolder(parent, use) {
  const folder = await mkdtemp(join(parent, "kernscope-bed-"));
  try {
    await use(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}
