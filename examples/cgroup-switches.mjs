// Counts the context switches of one cgroup, by process, and whether it gave up the CPU or was made to.
//
//   node cgroup-switches.mjs DIRECTORY [SECONDS]
import { setTimeout } from "node:timers/promises";
import { EventMonitor } from "@kernscope/perf";

const [directory, seconds = "5"] = process.argv.slice(2);
if (directory === undefined) {
  console.error("usage: node cgroup-switches.mjs DIRECTORY [SECONDS], such as /sys/fs/cgroup/system.slice");
  process.exit(2);
}
const switches = new Map();

// Of a cgroup only what happens in it reaches us: the others cost nothing.
const monitor = await EventMonitor.open({ cgroups: [directory] });
await monitor.registerTracepoint("sched/sched_switch", ({ pid }, { prev_comm, prev_state }) => {
  const entry = switches.get(pid) ?? { name: prev_comm, voluntary: 0, preempted: 0 };
  switches.set(pid, entry);
  // A task that could go on running did not leave by its own will.
  if (Number(prev_state) % 256 === 0) entry.preempted++;
  else entry.voluntary++;
});
const run = monitor.run();
await setTimeout(Number(seconds) * 1000);
await monitor.disable();
await monitor.stop();
await run;
await monitor.close();

console.log("     pid  voluntary  preempted  name");
for (const [pid, { name, voluntary, preempted }] of [...switches].sort(([a], [b]) => a - b)) {
  const columns = [String(pid).padStart(8), String(voluntary).padStart(10), String(preempted).padStart(10)];
  console.log(`${columns.join(" ")}  ${name}`);
}
