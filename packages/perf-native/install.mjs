// Runs where the package is installed: takes the binary that it carries for this platform, or else compiles one. On other
// systems than Linux there is nothing to compile: the package can be imported there, and says `unsupported` when it is used.
import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";

if (process.platform === "linux") {
  const program = createRequire(import.meta.url).resolve("node-gyp-build/bin.js");
  const { status, error } = spawnSync(process.execPath, [program], { stdio: "inherit" });
  if (error !== undefined) throw error;
  process.exitCode = status ?? 1;
}
