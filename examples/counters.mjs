// What each CPU does: instructions per cycle where there is a performance monitoring unit, what the kernel counts elsewhere.
//
//   node counters.mjs [SECONDS]
import { setTimeout } from "node:timers/promises";
import { EventMonitor, features } from "@kernscope/perf";

const seconds = Number(process.argv[2] ?? 5);
const { hardwareCounters } = await features();
const counters = hardwareCounters.supported
  ? [{ hardware: "CPU_CYCLES" }, { hardware: "INSTRUCTIONS" }, { software: "CONTEXT_SWITCHES" }]
  : [{ software: "CONTEXT_SWITCHES" }, { software: "CPU_MIGRATIONS" }, { software: "PAGE_FAULTS" }];
if (!hardwareCounters.supported) console.error(`no hardware counters: ${hardwareCounters.reason}`);

const monitor = await EventMonitor.open();
// They count together: the values of one reading are of the same stretch of time and can be compared.
const group = await monitor.registerCounterGroup(counters, () => {});
let before = await monitor.readCounters(group);
console.log(`  cpu ${counters.map((counter) => (counter.hardware ?? counter.software).padStart(18)).join("")}`);
for (let second = 0; second < seconds; second++) {
  await setTimeout(1000);
  const now = await monitor.readCounters(group);
  for (const reading of now) {
    const last = before.find(({ cpu }) => cpu === reading.cpu);
    const grown = reading.values.map((value, index) => value - (last?.values[index] ?? 0n));
    console.log(`${String(reading.cpu).padStart(5)} ${grown.map((value) => String(value).padStart(18)).join("")}`);
  }
  before = now;
}
await monitor.close();
