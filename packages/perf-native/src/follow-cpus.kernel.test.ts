import { execFileSync } from "node:child_process";
import { closeSync, mkdirSync, openSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { requires } from "@kernscope/test-support";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { OpenFlag, PerfType } from "./constants.js";
import { openReader } from "./reader.js";
import type { OpenRequest, RecordSource } from "./record-source.js";
import { mountDetached } from "./system.js";

const onHotplug = requires({ root: true, perf: true, hotplug: true });

const getppid = (): OpenRequest["attr"] => {
  const tracefs = mountDetached("tracefs");
  const config = Number(readFileSync(`/proc/self/fd/${tracefs}/events/syscalls/sys_enter_getppid/id`, "latin1"));
  closeSync(tracefs);
  return { type: PerfType.TRACEPOINT, config, samplePeriod: 1 };
};

/** Takes CPU 1 away and gives it back. */
function replug(): void {
  for (const online of ["0", "1"]) writeFileSync("/sys/devices/system/cpu/cpu1/online", online);
}

/** Hits of an event on CPU 1 while `getppid` was called there, some of them in the cgroup. */
async function hitsOnCpu1(source: RecordSource, index: number, cgroup?: string): Promise<number> {
  const count = async () =>
    (await source.counts(index)).reduce((sum, { cpu, value }) => sum + (cpu === 1 ? Number(value) : 0), 0);
  const before = await count();
  const enter =
    cgroup === undefined ? "" : `require("fs").writeFileSync("${cgroup}/cgroup.procs", String(process.pid));`;
  execFileSync("taskset", ["-c", "1", process.execPath, "-e", `${enter} for (let i = 0; i < 100; i++) process.ppid`]);
  return (await count()) - before;
}

/** Looks until a CPU has come, or a look fails. */
async function look(source: RecordSource): Promise<readonly number[] | Error> {
  for (const deadline = Date.now() + 60_000; Date.now() < deadline; ) {
    const came = await source.followCpus().catch((error) => error);
    if (came instanceof Error || came.length > 0) return came;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error("no CPU came");
}

onHotplug("a removed cgroup keeps nothing else from being followed, or opened", async () => {
  const cgroups = ["a", "b"].map((name) => `/sys/fs/cgroup/ks-follow-${process.pid}-${name}`);
  const source = await openReader();
  const descriptors: number[] = [];
  try {
    for (const cgroup of cgroups) mkdirSync(cgroup);
    for (const cgroup of cgroups) descriptors.push(openSync(cgroup, "r"));
    source.start(() => {});
    const on = (pids: readonly number[]) => pids.flatMap((pid) => source.cpus.map((cpu) => ({ pid, cpu })));
    const attr = getppid();
    const common = { attr, enabled: true, followCpus: true };
    const flags = OpenFlag.PID_CGROUP;
    await source.open({ ...common, index: 1, targets: on(descriptors), flags });
    await source.open({ ...common, index: 2, targets: on([-1]) });
    const [removed = "", kept = ""] = cgroups;
    rmdirSync(removed);
    replug();
    assert.equal(await look(source), [1]);
    await source.followCpus();
    await source.followCpus();
    assert.ok((await hitsOnCpu1(source, 1, kept)) >= 100);
    assert.ok((await hitsOnCpu1(source, 2)) >= 100);
    await source.open({ ...common, index: 3, targets: on(descriptors), flags });
    assert.ok((await hitsOnCpu1(source, 3, kept)) >= 100);
    const error = await source
      .open({ ...common, index: 4, targets: on(descriptors.slice(0, 1)), flags })
      .catch((e) => e);
    assert.is(error.errno, "ENOENT");
  } finally {
    await source.close();
    for (const descriptor of descriptors) closeSync(descriptor);
    for (const cgroup of cgroups) {
      try {
        rmdirSync(cgroup);
      } catch {
        // The test has removed it.
      }
    }
  }
});

onHotplug("what cannot be opened on a CPU that came is told once, and opened as soon as it can be", async () => {
  const source = await openReader();
  const fill: number[] = [];
  const exhaust = () => {
    try {
      for (;;) fill.push(openSync("/dev/null", "r"));
    } catch {
      // There are none left.
    }
  };
  const spare = (count: number) => {
    for (const descriptor of fill.splice(0, count)) closeSync(descriptor);
  };
  try {
    source.start(() => {});
    const targets = source.cpus.map((cpu) => ({ pid: -1, cpu }));
    const attr = getppid();
    for (const index of [1, 2, 3]) await source.open({ index, attr, targets, enabled: true, followCpus: true });
    replug();
    exhaust();
    const first = await look(source);
    assert.match(String(first), /perf_event_open\(cpu 1, pid -1\): EMFILE/);
    for (let looks = 0; looks < 9; looks++) assert.equal(await source.followCpus(), []);
    // For what tells that the CPU stays; each event that is opened anew gives one back, so that one more would do for all.
    spare(1);
    assert.equal(await look(source), [1]);
    const second = await look(source);
    assert.match(String(second), /perf_event_open\(cpu 1, pid -1\): EMFILE/);
    for (let looks = 0; looks < 9; looks++) assert.equal(await source.followCpus(), []);
    spare(fill.length);
    for (let looks = 0; looks < 3; looks++) assert.equal(await source.followCpus(), []);
    for (const index of [1, 2, 3]) assert.ok((await hitsOnCpu1(source, index)) >= 100, `event ${index}`);
  } finally {
    spare(fill.length);
    await source.close();
  }
});

test.run();
