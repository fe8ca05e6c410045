// Builds every package and says so in one line; what nx prints is shown only when something fails.
import { spawnSync } from "node:child_process";

/** Builds all packages, or ends this process with the build's output and status. */
export function build() {
  const started = Date.now();
  process.stderr.write("kernscope: building\n");
  const result = spawnSync("nx", ["run-many", "-t", "build", "--outputStyle=stream"], {
    encoding: "utf8",
    maxBuffer: 1 << 26,
    stdio: ["ignore", "pipe", "pipe"],
  });
  if (result.status !== 0) {
    process.stderr.write(`${result.error?.message ?? ""}${result.stdout ?? ""}${result.stderr ?? ""}`);
    process.exit(result.status || 1);
  }
  process.stderr.write(`kernscope: built in ${((Date.now() - started) / 1000).toFixed(1)} s\n`);
}

if (process.argv[1] === import.meta.filename) build();
