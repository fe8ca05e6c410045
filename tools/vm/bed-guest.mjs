// The part of prove-bed.mjs that runs in the guest: checks the guest from inside and closes with a line of numbers.

import * as assert from "node:assert/strict";
import { closeSync, existsSync, openSync, readdirSync, readFileSync, writeFileSync, writeSync } from "node:fs";
import { mkdir, rmdir } from "node:fs/promises";
import { networkInterfaces } from "node:os";

const tracing = "/sys/kernel/tracing";
const opens = 137;

checkFileSystems();
assert.equal(networkInterfaces().lo?.[0]?.address, "127.0.0.1");
const { hits, missed } = await countOpens();
assert.equal(missed, 0);
assert.equal(hits, opens);
process.stdout.write(`${process.version} ${hits} hits of ${opens} calls\n`);

function checkFileSystems() {
  const mounts = readFileSync("/proc/mounts", "utf8").split("\n");
  const types = new Map(mounts.map((line) => /** @type {[string, string]} */ (line.split(" ").slice(1, 3))));
  const wanted = {
    "/": "overlay",
    "/proc": "proc",
    "/sys": "sysfs",
    "/sys/kernel/tracing": "tracefs",
    "/sys/kernel/debug": "debugfs",
    "/sys/fs/cgroup": "cgroup2",
    "/dev/pts": "devpts",
    "/dev/shm": "tmpfs",
    "/run": "tmpfs",
    "/tmp": "tmpfs",
  };
  for (const [path, type] of Object.entries(wanted)) assert.equal(types.get(path), type, path);
  assert.ok(readdirSync(`${tracing}/events/sched`).includes("sched_process_exec"));
  assert.ok(existsSync("/sys/kernel/btf/vmlinux"));
  assert.ok(Number(readFileSync("/proc/sys/kernel/perf_event_paranoid", "utf8")) >= -1);
}

/** Opens files under a kprobe and returns how often it was hit by this thread with one of these files. */
async function countOpens() {
  const instance = `${tracing}/instances/bed`;
  const definition = "p:bed/open do_sys_openat2 path=+0($arg2):ustring";
  writeFileSync(`${tracing}/kprobe_events`, definition, { flag: "a" });
  await mkdir(instance);
  // The thread of a synchronous call; Node's other threads open files when they like.
  writeFileSync(`${instance}/events/bed/open/filter`, `common_pid == ${process.pid}`);
  const enable = openSync(`${instance}/events/bed/open/enable`, "w");
  try {
    writeSync(enable, "1");
    for (let i = 0; i < opens; i++) closeSync(openSync(`/dev/shm/bed-${i}`, "w"));
    writeSync(enable, "0");
    const lines = readFileSync(`${instance}/trace`, "utf8").split("\n");
    const paths = lines.flatMap(
      (line) => /\bopen: \(do_sys_openat2\+.*path="\/dev\/shm\/bed-(\d+)"/.exec(line)?.[1] ?? [],
    );
    assert.deepEqual(
      paths.map(Number),
      Array.from({ length: opens }, (_, i) => i),
    );
    const hits = lines.filter((line) => line.includes(" open: (do_sys_openat2+")).length;
    const profile = readFileSync(`${tracing}/kprobe_profile`, "utf8").split("\n");
    const missed = profile.map((line) => line.trim().split(/\s+/)).find(([name]) => name === "open")?.[2];
    return { hits, missed: Number(missed) };
  } finally {
    closeSync(enable);
    await rmdir(instance);
    writeFileSync(`${tracing}/kprobe_events`, "-:bed/open", { flag: "a" });
  }
}
