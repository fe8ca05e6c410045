// Compiles the addon for this machine. Node's own headers are used where they lie beside the node that runs this (Linux
// distributions and the official tarballs have them there); else node-gyp fetches them.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

if (process.platform !== "linux") {
  console.log("perf-native: not Linux, the addon is left out");
  process.exit(0);
}
const prefix = dirname(dirname(process.execPath));
const headers = existsSync(join(prefix, "include/node/node_api.h")) ? [`--nodedir=${prefix}`] : [];
const gyp = createRequire(import.meta.url).resolve("node-gyp/bin/node-gyp.js");
const result = spawnSync(process.execPath, [gyp, "rebuild", ...headers], {
  cwd: import.meta.dirname,
  stdio: ["ignore", "inherit", "inherit"],
});
if (result.status !== 0) {
  console.error("perf-native: the addon was not compiled – it needs a C++20 compiler, make and python3");
  process.exit(result.status ?? 1);
}
