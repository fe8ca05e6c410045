// Tells of each fsync(2) and fdatasync(2) that took long: how long, of whom, and for which file.
//
//   node slow-fsync.mjs [MILLISECONDS [SECONDS]]
import { readlinkSync } from "node:fs";
import { setTimeout } from "node:timers/promises";
import { EventMonitor } from "@kernscope/perf";

const threshold = Number(process.argv[2] ?? 10);
const seconds = Number(process.argv[3] ?? Infinity);
/** Calls that are under way, by thread. */
const started = new Map();

const monitor = await EventMonitor.open();
for (const call of ["fsync", "fdatasync"]) {
  // Urgent: the file is asked for while the call still runs.
  await monitor.registerTracepoint(
    `syscalls/sys_enter_${call}`,
    ({ pid, tid, elapsed }, { fd }) => started.set(tid, { at: elapsed, file: fileOf(pid, fd) }),
    { urgent: true },
  );
  await monitor.registerTracepoint(`syscalls/sys_exit_${call}`, ({ pid, tid, elapsed }, { ret }) => {
    const begun = started.get(tid);
    started.delete(tid);
    if (begun === undefined) return;
    // `elapsed` counts nanoseconds.
    const took = (elapsed - begun.at) / 1e6;
    if (took >= threshold) console.log(`${took.toFixed(3)} ms  ${call} = ${ret}  pid ${pid}  ${begun.file}`);
  });
}
// A thread that was killed in the call never comes back from it.
await monitor.registerTracepoint("sched/sched_process_exit", ({ tid }) => started.delete(tid));

const run = monitor.run();
process.once("SIGINT", () => monitor.stop());
if (seconds < Infinity) setTimeout(seconds * 1000).then(() => monitor.stop());
await run;
await monitor.close();

function fileOf(pid, fd) {
  try {
    return readlinkSync(`/proc/${pid}/fd/${fd}`);
  } catch {
    return `descriptor ${fd}`;
  }
}
