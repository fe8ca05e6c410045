// Runs every compiled test file in a process of its own and counts what really ran. uvu exits 0 when a hook throws, when
// `.run()` was forgotten or when all was skipped, so its exit status alone proves nothing.
//
//   node tools/test.mjs [--no-build] [--kernel-facing] [--timeout SECONDS] [PART OF A PATH…]
import { spawn } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { build } from "./build.mjs";
import { countResults } from "./test-results.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    "no-build": { type: "boolean", default: false },
    "kernel-facing": { type: "boolean", default: false },
    timeout: { type: "string", default: "300" },
  },
});
const timeoutSeconds = Number(values.timeout);
if (!(timeoutSeconds > 0)) {
  console.error(`test: --timeout ${values.timeout}: not a number of seconds above 0`);
  process.exit(2);
}

if (!values["no-build"]) build();
const files = findTests(positionals, values["kernel-facing"]);
const sum = { passed: 0, failed: 0, skipped: 0 };
for (const file of files) {
  const result = await runFile(file);
  sum.passed += result.passed;
  sum.failed += result.failed;
  sum.skipped += result.skipped;
}
if (sum.passed + sum.failed === 0) console.log(`no test ran (${files.length} files, ${sum.skipped} skipped)`);
console.log(`${sum.passed} passed, ${sum.failed} failed, ${sum.skipped} skipped`);
process.exitCode = sum.failed > 0 || sum.passed === 0 ? 1 : 0;

/** Compiled tests, of which the kernel-facing ones are named `*.kernel.test.js`, and the tools' own. */
function findTests(parts, kernelFacing) {
  const suffix = kernelFacing ? ".kernel.test.js" : ".test.js";
  const homes = [...children("packages"), ...children("tools")].map((home) => join(home, "dist"));
  const compiled = homes
    .filter((home) => existsSync(home))
    .flatMap((home) => readdirSync(home, { recursive: true }).map((name) => join(home, name)))
    .filter((file) => file.endsWith(suffix) && existsSync(sourceOf(file)));
  const tools = [join(root, "tools"), ...children("tools"), join(root, "examples")]
    .flatMap((home) => readdirSync(home).map((name) => join(home, name)))
    .filter((file) => file.endsWith(".test.mjs") && !kernelFacing);
  return [...compiled, ...tools]
    .filter((file) => parts.length === 0 || parts.some((part) => relative(root, file).includes(part)))
    .sort();
}

/** A compiled test whose source is gone is left over from an older build and is not run. */
function sourceOf(file) {
  return file.replace("/dist/", "/src/").replace(/\.js$/, ".ts");
}

function children(folder) {
  return readdirSync(join(root, folder), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => join(root, folder, entry.name));
}

/** Runs one file, prints its line (and its output where something is wrong or skipped), and returns its counts. */
async function runFile(file) {
  const name = relative(root, file);
  const started = Date.now();
  const { output, status, timedOut } = await runProcess(file);
  const result = countResults(output, timedOut ? `not done after ${timeoutSeconds} s` : status);
  const seconds = ((Date.now() - started) / 1000).toFixed(1);
  const verdict = result.failed > 0 ? "FAIL" : result.passed > 0 ? "ok" : "skip";
  console.log(`${verdict.padEnd(4)} ${name} (${result.passed} passed, ${result.skipped} skipped, ${seconds} s)`);
  if (result.failed > 0) console.log(`${output}\n     ${result.reason}`);
  else for (const line of output.split("\n")) if (line.startsWith("skipped: ")) console.log(`     ${line}`);
  return result;
}

function runProcess(file) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, ["--enable-source-maps", file], {
      cwd: root,
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
    });
    const chunks = [];
    let timedOut = false;
    child.stdout.on("data", (chunk) => chunks.push(chunk));
    child.stderr.on("data", (chunk) => chunks.push(chunk));
    const timer = setTimeout(() => {
      timedOut = true;
      killGroup(child.pid);
    }, timeoutSeconds * 1000);
    child.on("exit", () => killGroup(child.pid));
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      const status = code === 0 ? undefined : `ended with ${signal ?? `status ${code}`}`;
      resolve({ output: Buffer.concat(chunks).toString(), status, timedOut });
    });
  });
}

/** Ends what a test left running; the group has the test's pid as its id. */
function killGroup(pid) {
  try {
    process.kill(-pid, "SIGKILL");
  } catch (error) {
    if (error.code !== "ESRCH") throw error;
  }
}
