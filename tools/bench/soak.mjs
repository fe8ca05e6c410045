// Passes as many records as a day brings through a monitor, from a source that replays the same span, and shows that memory
// does not grow. Exits 1 where it does.
//
//   node --expose-gc tools/bench/soak.mjs [--records 100000000]
import { parseArgs } from "node:util";
import { soak } from "./monitor/soak.mjs";

const { values } = parseArgs({ options: { records: { type: "string", default: "100000000" } } });
const { records, seconds, grown, rss } = await soak(Number(values.records), (done, memory) => {
  console.log(`${done.toLocaleString("en").padStart(14)} records  heap ${memory.heap} KiB  RSS ${memory.rss} KiB`);
});
console.log(
  `${records.toLocaleString("en")} records in ${seconds.toFixed(1)} s; heap grew by ${grown} KiB, RSS by ${rss} KiB`,
);
process.exitCode = grown > 1024 || rss > 16 * 1024 ? 1 : 0;
