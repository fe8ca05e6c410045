import { readdirSync, readFileSync } from "node:fs";
import { compileProgram, requires } from "@kernscope/test-support";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { EventMonitor } from "./event-monitor.js";
import { probeOwner } from "./probe-owner.js";
import { Tracefs } from "./tracefs.js";

const onKernel = requires({ perf: true, uprobes: true });

/** An emulated CPU takes ten times as long. */
const ROUNDS = process.env.KERNSCOPE_VM ? 20 : 200;
const EVENTS = 50;
/** A probe costs the kernel some 20 ms to make and to take away: not every round has them. */
const PROBED = 10;

/** What a closed monitor must have given back. */
async function holdings() {
  const tracefs = await Tracefs.open();
  const probes = (await tracefs.read("uprobe_events"))
    .split("\n")
    .filter((line) => probeOwner(line.split(/[: ]/)[1] ?? "")?.pid === process.pid).length;
  await tracefs.close();
  return {
    descriptors: readdirSync("/proc/self/fd").length,
    rings: readFileSync("/proc/self/maps", "utf8").match(/anon_inode:\[perf_event\]/g)?.length ?? 0,
    threads: readdirSync("/proc/self/task").length,
    probes,
  };
}

/** Names of trace events that any kernel has many of. */
async function systemCalls(count: number): Promise<string[]> {
  const tracefs = await Tracefs.open();
  const names = (await tracefs.listEvents()).filter((name) => name.startsWith("syscalls/sys_enter_"));
  await tracefs.close();
  return names.slice(0, count);
}

onKernel(`${EVENTS} events, opened and closed ${ROUNDS} times: all is given back`, async () => {
  const names = await systemCalls(EVENTS);
  assert.is(names.length, EVENTS);
  using program = compileProgram("ks-life", "__attribute__((noinline)) void work(void) {}\nint main(void) { work(); }");
  // Closing is slow where the tracepoint has no other user, so this one keeps them.
  await using keeper = await EventMonitor.open({ ringSize: 4096, spanSize: 256 * 1024 });
  for (const name of names) await keeper.registerTracepoint(name, () => {}, { enabled: false });
  const cycle = async (round: number) => {
    const monitor = await EventMonitor.open({ ringSize: 8 * 4096, spanSize: 256 * 1024, hotplugInterval: 10 });
    await Promise.all(
      names.map((name) => monitor.registerTracepoint(name, () => {}, { filter: "__syscall_nr == -7" })),
    );
    await monitor.registerTracepoint(names[0] ?? "", () => {}, { ringSize: 4096, enabled: false });
    await monitor.registerCounterGroup([{ software: "CONTEXT_SWITCHES" }, { software: "PAGE_FAULTS" }], () => {});
    if (round % (ROUNDS / PROBED) === 0) await monitor.registerUprobe({ path: program.path, symbol: "work" }, () => {});
    if (round % (ROUNDS / PROBED) === 0) assert.is((await holdings()).probes, 1);
    const run = round % 2 === 0 ? monitor.run() : undefined;
    await monitor.close();
    await run;
  };
  /** A thread is still listed for a moment after it has said its last. */
  const settled = async () => {
    await new Promise((resolve) => setTimeout(resolve, 300));
    return holdings();
  };
  await cycle(0);
  const before = await settled();
  assert.is(before.probes, 0);
  for (let round = 0; round < ROUNDS; round++) await cycle(round);
  assert.equal(await settled(), before);
});

test.run();
