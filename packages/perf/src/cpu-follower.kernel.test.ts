import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { requires } from "@kernscope/test-support";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { EventMonitor } from "./event-monitor.js";

const onKernel = requires({ perf: true });
const onHotplug = requires({ perf: true, hotplug: true });

interface Rename {
  newcomm: string;
}

function rename(name: string, cpu: number): void {
  execFileSync("taskset", ["-c", String(cpu), "sh", "-c", `printf ${name} > /proc/self/comm`]);
}

function setOnline(online: boolean): void {
  writeFileSync("/sys/devices/system/cpu/cpu1/online", online ? "1" : "0");
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 60_000;
  while (!(await condition())) {
    assert.ok(Date.now() < deadline, "it did not happen");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Collects name and CPU of the renames that begin with `prefix`. */
function collector(prefix: string) {
  const seen: string[] = [];
  const handler = ({ cpu }: { cpu: number }, { newcomm }: Rename) => {
    if (newcomm.startsWith(prefix)) seen.push(`${newcomm} ${cpu}`);
  };
  return { seen, handler };
}

async function stop(monitor: EventMonitor): Promise<void> {
  const run = monitor.run();
  await monitor.stop();
  await run;
}

onKernel("chosen CPUs are watched and no others", async () => {
  const { seen, handler } = collector("ks-chosen");
  await using monitor = await EventMonitor.open({ cpus: [0] });
  assert.equal(monitor.cpus, [0]);
  await monitor.registerTracepoint<Rename>("task/task_rename", handler);
  rename("ks-chosen0", 0);
  const other = (await import("node:os")).cpus().length - 1;
  if (other > 0) rename("ks-chosen1", other);
  rename("ks-chosen2", 0);
  await stop(monitor);
  assert.equal(seen, ["ks-chosen0 0", "ks-chosen2 0"]);
});

onKernel("a CPU that the system has not is refused", async () => {
  const error = await EventMonitor.open({ cpus: [0, 100_000] }).catch((error) => error);
  assert.is(error.code, "invalid");
  assert.match(error.message, /there is no CPU 100000 – this system has 0/);
});

onHotplug(
  "CPU hotplug: one that goes and comes is watched again: shared rings, own rings, filters, counts, groups",
  async () => {
    const shared = collector("ks-plug");
    const own = collector("ks-plug");
    const filtered = collector("ks-plug");
    const off = collector("ks-plug");
    await using monitor = await EventMonitor.open({ hotplugInterval: 50 });
    const id = await monitor.registerTracepoint<Rename>("task/task_rename", shared.handler);
    await monitor.registerTracepoint<Rename>("task/task_rename", own.handler, { ringSize: 8 * 4096 });
    await monitor.registerTracepoint<Rename>("task/task_rename", filtered.handler, { filter: 'newcomm == "ks-plug3"' });
    const disabled = await monitor.registerTracepoint<Rename>("task/task_rename", off.handler, { enabled: false });
    const group = await monitor.registerCounterGroup(
      [{ software: "CONTEXT_SWITCHES" }, { software: "CPU_CLOCK" }],
      () => {},
    );
    const run = monitor.run();
    const expected: string[] = [];
    const step = (name: string, cpu: number) => {
      rename(name, cpu);
      expected.push(`${name} ${cpu}`);
    };
    step("ks-plug0", 1);
    for (const round of [1, 2]) {
      const { cpusCame } = await monitor.loss();
      // Longer than between two looks, then so short that no look need fall between.
      setOnline(false);
      step(`ks-plug${round}off`, 0);
      if (round === 1) await new Promise((resolve) => setTimeout(resolve, 200));
      setOnline(true);
      await until(async () => (await monitor.loss()).cpusCame === cpusCame + 1);
      step(`ks-plug${2 * round}`, 1);
      step(`ks-plug${2 * round + 1}`, 1);
    }
    await monitor.enable(disabled);
    step("ks-plug9", 1);
    const before = (await monitor.readCounters(group)).find(({ cpu }) => cpu === 1)?.values[0] ?? 0n;
    assert.ok(before > 0n);
    await until(
      async () => ((await monitor.readCounters(group)).find(({ cpu }) => cpu === 1)?.values[0] ?? 0n) > before,
    );
    await monitor.disable();
    await monitor.stop();
    await run;
    assert.equal(shared.seen, expected);
    assert.equal(own.seen, expected);
    assert.equal(filtered.seen, ["ks-plug3 1"]);
    assert.equal(off.seen, ["ks-plug9 1"]);
    const { events, cpusCame } = await monitor.loss();
    assert.is(cpusCame, 2);
    for (const { name, hits, delivered, lost } of events) {
      if (name === "task/task_rename" && lost !== undefined) assert.is(hits, BigInt(delivered) + lost);
    }
    assert.is(events.filter((event) => event.id === id && event.byCpu.length === 2).length, 1);
  },
);

onHotplug("CPU hotplug: one that was offline at the start is taken in when it comes, and told", async () => {
  setOnline(false);
  try {
    const { seen, handler } = collector("ks-late");
    await using monitor = await EventMonitor.open({ hotplugInterval: 50 });
    assert.equal(monitor.cpus, [0]);
    await monitor.registerTracepoint<Rename>("task/task_rename", handler);
    await monitor.registerTracepoint<Rename>("task/task_rename", handler, { ringSize: 8 * 4096 });
    let told = 0;
    monitor.onLoss(({ cpusCame }) => {
      told = cpusCame;
    });
    const run = monitor.run();
    setOnline(true);
    await until(async () => monitor.cpus.length === 2);
    rename("ks-late", 1);
    await monitor.stop();
    await run;
    assert.equal(seen, ["ks-late 1", "ks-late 1"]);
    assert.equal(monitor.cpus, [0, 1]);
    assert.is(told, 1);
  } finally {
    setOnline(true);
  }
});

onHotplug("CPU hotplug: processes are watched on one that comes, with no gap", async () => {
  setOnline(false);
  try {
    const { seen, handler } = collector("ks-task");
    await using monitor = await EventMonitor.open({ pids: [process.pid] });
    assert.equal(monitor.cpus, [0, 1]);
    await monitor.registerTracepoint<Rename>("task/task_rename", handler);
    setOnline(true);
    rename("ks-task0", 1);
    setOnline(false);
    setOnline(true);
    rename("ks-task1", 1);
    await stop(monitor);
    assert.equal(seen, ["ks-task0 1", "ks-task1 1"]);
    assert.is((await monitor.loss()).cpusCame, 0);
  } finally {
    setOnline(true);
  }
});

test.run();
