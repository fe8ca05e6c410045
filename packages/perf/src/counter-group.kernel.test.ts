import { execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { requires } from "@kernscope/test-support";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { EventMonitor } from "./event-monitor.js";
import type { SideBandData, SideBandKind } from "./side-band.js";

const onKernel = requires({ perf: true });
const folder = mkdtempSync(join(tmpdir(), "kernscope-counter-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));

async function finish(monitor: EventMonitor): Promise<void> {
  await monitor.disable();
  const run = monitor.run();
  await monitor.stop();
  await run;
}

/** Waits for a line, then touches fresh pages, writes a variable and reads it; ends at the second line. */
const source = `
#include <stdio.h>
#include <sys/mman.h>
volatile int watched;
int main(void) {
  char line[8];
  printf("%p\\n", (void *)&watched);
  fflush(stdout);
  if (!fgets(line, sizeof line, stdin)) return 1;
  char *pages = mmap(0, 4096 * 1000, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  madvise(pages, 4096 * 1000, MADV_NOHUGEPAGE);
  for (int i = 0; i < 1000; i++) pages[4096 * i] = 1;
  for (int i = 0; i < 250; i++) watched = i;
  puts("done");
  fflush(stdout);
  return fgets(line, sizeof line, stdin) ? 0 : 1;
}`;

async function startSubject() {
  const program = join(folder, "subject");
  writeFileSync(`${program}.c`, source);
  execFileSync(process.env.CC ?? "cc", ["-O1", "-o", program, `${program}.c`]);
  const child = spawn(program, { stdio: ["pipe", "pipe", "inherit"] });
  const [address] = await once(child.stdout, "data");
  const work = async () => {
    child.stdin.write("go\n");
    await once(child.stdout, "data");
  };
  const end = async () => {
    const over = once(child, "exit");
    child.stdin.end("end\n");
    await over;
  };
  return { pid: child.pid ?? 0, address: BigInt(String(address).trim()), work, end };
}

onKernel("counters of a process: values by polling are what it did", async () => {
  const subject = await startSubject();
  await using monitor = await EventMonitor.open({ pids: [subject.pid] });
  const id = await monitor.registerCounterGroup(
    [
      { software: "PAGE_FAULTS" },
      { breakpoint: { address: subject.address, access: "write", length: 4 } },
      { software: "TASK_CLOCK" },
    ],
    () => {},
  );
  await subject.work();
  const readings = await monitor.readCounters(id);
  await subject.end();
  assert.is(readings.length, monitor.cpus.length);
  const sum = (index: number) => readings.reduce((all, { values }) => all + (values[index] ?? 0n), 0n);
  assert.ok(sum(0) >= 1000n && sum(0) < 1100n, `${sum(0)} page faults`);
  assert.is(sum(1), 250n);
  for (const { timeEnabled, timeRunning } of readings) assert.ok(timeRunning <= timeEnabled);
  assert.ok(readings.some(({ timeRunning }) => timeRunning > 0n));
});

onKernel("samples by period: each with the values of the group", async () => {
  const subject = await startSubject();
  await using monitor = await EventMonitor.open({ pids: [subject.pid] });
  const samples: { cpu: number; faults: bigint; writes: bigint; running: bigint }[] = [];
  const watched = { address: subject.address, access: "write", length: 4 } as const;
  await monitor.registerCounterGroup(
    [{ breakpoint: watched }, { software: "PAGE_FAULTS" }],
    (record, { values: [writes = 0n, faults = 0n], timeRunning: running }) => {
      assert.is(record.pid, subject.pid);
      samples.push({ cpu: record.cpu, writes, faults, running });
    },
    { period: 10 },
  );
  await subject.work();
  await finish(monitor);
  await subject.end();
  const last = new Map(samples.map((sample) => [sample.cpu, sample]));
  for (const cpu of last.keys()) {
    const own = samples.filter((sample) => sample.cpu === cpu);
    assert.equal(
      own.map(({ writes }) => writes),
      own.map((_, index) => 10n * BigInt(index + 1)),
    );
    for (const [index, sample] of own.slice(1).entries()) assert.ok(sample.running >= (own[index]?.running ?? 0n));
  }
  // What is left on each CPU is less than a period.
  const counted = [...last.values()].reduce((sum, { writes }) => sum + writes, 0n);
  assert.ok(counted > 250n - 10n * BigInt(monitor.cpus.length) && counted <= 250n, `${counted} writes`);
  assert.ok([...last.values()].some(({ faults }) => faults >= 500n));
  const { events } = await monitor.loss();
  assert.is(events[0]?.hits, BigInt(samples.length));
});

onKernel("samples by frequency, enabled and disabled as one", async () => {
  await using monitor = await EventMonitor.open();
  let samples = 0;
  const id = await monitor.registerCounterGroup(
    [{ software: "CPU_CLOCK" }, { software: "CONTEXT_SWITCHES" }],
    (_, { values }) => {
      samples++;
      assert.is(values.length, 2);
    },
    { frequency: 200, enabled: false },
  );
  const zero = await monitor.readCounters(id);
  assert.ok(zero.every(({ values, timeEnabled }) => timeEnabled === 0n && values.every((value) => value === 0n)));
  await monitor.enable(id);
  spawnSync("sh", ["-c", "for i in 1 2 3 4 5; do /bin/true; done"]);
  await monitor.disable(id);
  const first = await monitor.readCounters(id);
  spawnSync("true");
  assert.equal(await monitor.readCounters(id), first);
  await monitor.enable(id);
  spawnSync("sh", ["-c", "for i in 1 2 3 4 5; do /bin/true; done"]);
  await finish(monitor);
  const second = await monitor.readCounters(id);
  const switches = (readings: typeof first) => readings.reduce((sum, { values }) => sum + (values[1] ?? 0n), 0n);
  assert.ok(switches(first) > 0n && switches(second) > switches(first), `${switches(first)} ${switches(second)}`);
  assert.ok(samples > 0);
});

onKernel("hardware, cache and raw counters count, or say what they need", async () => {
  await using monitor = await EventMonitor.open();
  const files = readdirSync("/proc/self/fd").length;
  for (const counter of [
    { hardware: "CPU_CYCLES" },
    { cache: { cache: "L1D", operation: "READ", result: "ACCESS" } },
    { raw: 0x3c },
  ] as const) {
    const result = await monitor.registerCounterGroup([counter], () => {}).catch((error) => error);
    if (typeof result === "number") {
      assert.ok((await monitor.readCounters(result)).some(({ values: [value = 0n] }) => value > 0n));
      await monitor.unregister(result);
    } else {
      assert.is(result.code, "unsupported", result.message);
      assert.match(result.message, / – needs a performance monitoring unit/);
    }
  }
  assert.is(readdirSync("/proc/self/fd").length, files);
});

onKernel("side-band records of a child", async () => {
  await using monitor = await EventMonitor.open();
  const seen: { data: SideBandData; by: number }[] = [];
  await monitor.registerSideBand(["fork", "exit", "comm", "mmap", "namespaces", "switch"], (record, data) => {
    seen.push({ data, by: record.pid });
  });
  const child = spawnSync("sh", ["-c", "/bin/echo hello; exit 0"]);
  await finish(monitor);
  const of = <K extends SideBandKind>(kind: K) =>
    seen.flatMap(({ data, by }) => (data.kind === kind ? [{ ...(data as SideBandData<K>), by }] : []));
  assert.ok(of("fork").some(({ pid, parentPid }) => pid === child.pid && parentPid === process.pid));
  assert.ok(of("comm").some(({ pid, comm, exec }) => pid === child.pid && comm === "sh" && exec));
  const echo = of("comm").find(({ comm }) => comm === "echo");
  assert.ok(echo?.exec);
  assert.ok(of("fork").some(({ pid, parentPid }) => pid === echo?.pid && parentPid === child.pid));
  assert.ok(of("exit").some(({ pid, by }) => pid === child.pid && by === child.pid));
  const maps = of("mmap").filter(({ pid }) => pid === echo?.pid);
  assert.ok(maps.some(({ filename, protection }) => filename.endsWith("/echo") && (protection & 4) !== 0));
  const spaces = of("namespaces").find(({ pid }) => pid === child.pid)?.namespaces;
  assert.is(spaces?.find(({ name }) => name === "pid")?.inode, BigInt(statSync("/proc/self/ns/pid").ino));
  assert.ok(of("switch").some(({ out, by }) => out && by === child.pid));
  assert.ok(of("switch").some(({ out, otherPid }) => !out && otherPid !== undefined));
  const [event] = (await monitor.loss()).events;
  assert.is(event?.hits, BigInt(event?.delivered ?? 0) + BigInt(event?.discarded ?? 0) + (event?.lost ?? 0n));
});

/** Where the hierarchy is mounted that the kernel tells perf of: v1 with the perf_event controller, else v2. */
function cgroupRoot(): string {
  const mounts = readFileSync("/proc/self/mountinfo", "utf8").split("\n");
  const of = (pattern: RegExp) => mounts.find((line) => pattern.test(line))?.split(" ")[4];
  const root = of(/ - cgroup .*\bperf_event\b/) ?? of(/ - cgroup2 /);
  if (root === undefined) throw new Error("no cgroups are mounted");
  return root;
}

onKernel("a cgroup that is made", async () => {
  await using monitor = await EventMonitor.open();
  const paths: string[] = [];
  await monitor.registerSideBand(["cgroup"], (_, { path }) => paths.push(path));
  const name = `ks-${process.pid}`;
  const root = cgroupRoot();
  // As long as nothing was ever asked of the root of cgroup v2, new groups are none of perf's.
  spawnSync("sh", ["-c", `echo +pids > ${root}/cgroup.subtree_control`], { stdio: "ignore" });
  const place = join(root, name);
  mkdirSync(place);
  rmdirSync(place);
  await finish(monitor);
  assert.ok(paths.includes(`/${name}`), paths.join(" "));
});

test.run();
