// Shows what is typed into all shells that use readline(3), by a probe on the return of that function.
//
//   node readline.mjs [SECONDS]
import { readFileSync, realpathSync } from "node:fs";
import { setTimeout } from "node:timers/promises";
import { EventMonitor } from "@kernscope/perf";

const seconds = Number(process.argv[2] ?? Infinity);
const monitor = await EventMonitor.open();
for (const path of shells()) {
  try {
    await monitor.registerUprobe({ path, symbol: "readline" }, ({ pid }, { line }) => console.log(`${pid}  ${line}`), {
      onReturn: true,
      // What readline returns points to the line; at the end of input it is NULL.
      args: { line: "+0($retval):ustring" },
      urgent: true,
    });
    console.error(`watching ${path}`);
  } catch (error) {
    // Not every shell has readline in it.
    if (error.code !== "not_found") throw error;
  }
}

const run = monitor.run();
process.once("SIGINT", () => monitor.stop());
if (seconds < Infinity) setTimeout(seconds * 1000).then(() => monitor.stop());
await run;
await monitor.close();

/** The shells of this system (shells(5)), and the library that some of them use. */
function shells() {
  const listed = readFileSync("/etc/shells", "utf8")
    .split("\n")
    .filter((line) => line.startsWith("/"));
  const libraries = ["/lib/x86_64-linux-gnu/libreadline.so.8", "/lib/aarch64-linux-gnu/libreadline.so.8"];
  const there = [...listed, ...libraries].flatMap((path) => {
    try {
      return [realpathSync(path)];
    } catch {
      return [];
    }
  });
  return new Set(there);
}
