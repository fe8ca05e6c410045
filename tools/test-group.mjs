// Runs test files one after the other in this process, and says on standard output where each begins and ends:
//
//   node tools/test-group.mjs FILE…
//
// Where the CPU is emulated, loading and compiling a package's modules takes longer than most tests of it.
import { pathToFileURL } from "node:url";
import { beginMark, endMark } from "./group-output.mjs";

// Has `.run()` leave a file's tests in uvu's queue, from where they are run here.
globalThis.UVU_DEFER = 1;
const { exec } = await import("uvu");

for (const file of process.argv.slice(2)) {
  globalThis.UVU_QUEUE = [[null]];
  process.stdout.write(beginMark(file));
  await import(pathToFileURL(file).href);
  await exec();
  process.stdout.write(endMark(process.exitCode ?? 0));
  process.exitCode = 0;
}
