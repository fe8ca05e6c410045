// Counts the system calls of each process, and tells who made most.
//
//   node syscalls.mjs [SECONDS]
import { readFileSync } from "node:fs";
import { setTimeout } from "node:timers/promises";
import { EventMonitor } from "@kernscope/perf";

const seconds = Number(process.argv[2] ?? 5);
const calls = new Map();

const monitor = await EventMonitor.open({ ringSize: 8 << 20 });
// Every system call of the host passes here: the handler adds one to a number and does nothing else.
await monitor.registerTracepoint("raw_syscalls/sys_enter", ({ pid }) => {
  if (pid === process.pid) return;
  const entry = calls.get(pid);
  if (entry === undefined) calls.set(pid, { count: 1, name: nameOf(pid) });
  else entry.count++;
});
const run = monitor.run();
await setTimeout(seconds * 1000);
await monitor.disable();
await monitor.stop();
await run;

const busiest = [...calls].sort(([, a], [, b]) => b.count - a.count).slice(0, 20);
console.log("     calls      pid  name");
for (const [pid, { count, name }] of busiest) {
  console.log(`${String(count).padStart(10)} ${String(pid).padStart(8)}  ${name}`);
}
const { total } = await monitor.loss();
console.log(`${total.hits} calls, ${total.lost ?? "an unknown number"} of them lost`);
await monitor.close();

/** Asked at the first call, for a process may be gone at the end. */
function nameOf(pid) {
  try {
    return readFileSync(`/proc/${pid}/comm`, "utf8").trim();
  } catch {
    return "(gone)";
  }
}
