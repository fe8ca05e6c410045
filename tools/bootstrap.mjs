// Installs the workspace when it is not, or no longer, installed, then runs the command given with the workspace's
// programs on PATH. It has no dependencies, so that `npm start` and `npm test` work in a fresh clone.
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";

const pnpm = "pnpm@10.34.9";
const root = fileURLToPath(new URL("..", import.meta.url));
const stampFile = join(root, "node_modules", ".kernscope-stamp");

const major = Number(process.versions.node.split(".")[0]);
if (major < 20) fail(`Node ${process.version} is too old – kernscope needs Node 20 or newer`);

install();
run(process.argv.slice(2));

/** Installs from the lockfile, unless that was done already for this lockfile and this Node. */
function install() {
  const stamp = createHash("sha256")
    .update(readFileSync(join(root, "pnpm-lock.yaml")))
    .update(readFileSync(join(root, "pnpm-workspace.yaml")))
    .update(`${process.version} ${process.platform} ${process.arch}`)
    .digest("hex");
  if (existsSync(stampFile) && readFileSync(stampFile, "utf8") === stamp) return;
  say(`installing dependencies (${pnpm}, from the lockfile)`);
  // Nothing in the tree needs an install script: the addon is compiled by the build, the rest ships its binaries.
  const args = ["--yes", pnpm, "install", "--frozen-lockfile", "--ignore-scripts", "--reporter=append-only"];
  const result = spawnSync("npx", args, { cwd: root, env: environment(), encoding: "utf8", maxBuffer: 1 << 26 });
  if (result.status !== 0) {
    process.stderr.write(`${result.stdout ?? ""}${result.stderr ?? ""}`);
    fail(`${pnpm} install: ${result.error?.message ?? `status ${result.status}`} – is the npm registry reachable?`);
  }
  mkdirSync(join(root, "node_modules"), { recursive: true });
  writeFileSync(stampFile, stamp);
}

/** Runs the command, passes signals and the exit status on. */
function run([program, ...args]) {
  if (program === undefined) return;
  const child = spawn(program, args, { cwd: root, env: environment(), stdio: "inherit" });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
    // A terminal sends Ctrl-C to the whole group; the child decides what it means and we follow it.
    process.on(signal, () => signal !== "SIGINT" && child.kill(signal));
  }
  child.on("error", (error) => fail(`${program}: ${error.message}`));
  child.on("exit", (status, signal) => {
    if (signal !== null) {
      process.removeAllListeners(signal);
      process.kill(process.pid, signal);
    }
    process.exitCode = status ?? 1;
  });
}

function environment() {
  return {
    ...process.env,
    PATH: [join(root, "node_modules", ".bin"), process.env.PATH].join(delimiter),
    NX_DAEMON: "false",
    NX_NO_CLOUD: "true",
    NX_TUI: "false",
  };
}

function say(text) {
  process.stderr.write(`kernscope: ${text}\n`);
}

function fail(text) {
  say(text);
  process.exit(1);
}
