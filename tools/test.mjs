// Runs every compiled test file in a process of its own and counts what really ran. uvu exits 0 when a hook throws, when
// `.run()` was forgotten or when all was skipped, so its exit status alone proves nothing.
//
//   node tools/test.mjs [--no-build] [--kernel-facing] [--grouped] [--timeout SECONDS] [PART OF A PATH…]
//
// --grouped: one process for all files of a package; what is left of them after a crash gets another one.
import { spawn } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { build } from "./build.mjs";
import { GroupOutput } from "./group-output.mjs";
import { countResults, failedTests } from "./test-results.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    "no-build": { type: "boolean", default: false },
    "kernel-facing": { type: "boolean", default: false },
    grouped: { type: "boolean", default: false },
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
/** What failed is told again at the end: the middle of a long output is not always kept. */
const failures = [];
for (const group of values.grouped ? groupByPackage(files) : files.map((file) => [file])) {
  for (let rest = group; rest.length > 0; ) rest = rest.slice(await runFiles(rest));
}
if (sum.passed + sum.failed === 0) console.log(`no test ran (${files.length} files, ${sum.skipped} skipped)`);
for (const line of failures) console.log(line);
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

function groupByPackage(files) {
  const groups = new Map();
  for (const file of files) {
    const home = file.split("/dist/")[0];
    groups.set(home, [...(groups.get(home) ?? []), file]);
  }
  return [...groups.values()];
}

/** Runs files in one process, up to the first that does not come to its end; returns how many it began, at least one. */
async function runFiles(files) {
  if (files.length === 1) {
    const [file] = files;
    let output = "";
    const { trouble, seconds } = await runProcess([file], (text) => {
      output += text;
    });
    report(file, output, trouble, seconds);
    return 1;
  }
  const group = new GroupOutput();
  const running = runProcess([join(root, "tools/test-group.mjs"), ...files], (text, restartTimer) => {
    group.write(text);
    for (const part of group.takeEnded()) {
      restartTimer();
      report(part.file, part.output, part.trouble, part.seconds);
    }
  });
  const { trouble, seconds } = await running;
  const last = group.takeLast(trouble);
  if (last !== undefined) report(last.file, last.output, last.trouble, last.seconds);
  else report(files[0], group.text, trouble ?? "it did not begin", seconds);
  return Math.max(group.begun, 1);
}

/** Prints a file's line (and its output where something is wrong or skipped), and counts it. */
function report(file, output, trouble, seconds) {
  const result = countResults(output, trouble);
  for (const name of ["passed", "failed", "skipped"]) sum[name] += result[name];
  const verdict = result.failed > 0 ? "FAIL" : result.passed > 0 ? "ok" : "skip";
  const figures = `${result.passed} passed, ${result.skipped} skipped, ${seconds.toFixed(1)} s`;
  console.log(`${verdict.padEnd(4)} ${relative(root, file)} (${figures})`);
  if (result.failed > 0) {
    console.log(`${output}\n     ${result.reason}`);
    failures.push(`FAIL ${relative(root, file)}: ${result.reason}`, ...failedTests(output));
  } else for (const line of output.split("\n")) if (line.startsWith("skipped: ")) console.log(`     ${line}`);
}

/** Runs Node with these arguments; what is printed is handed on, along with how to give it all its time again. */
function runProcess(args, onOutput) {
  return new Promise((resolve) => {
    const started = Date.now();
    const child = spawn(process.execPath, ["--enable-source-maps", ...args], {
      cwd: root,
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
    });
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      killGroup(child.pid);
    }, timeoutSeconds * 1000);
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text) => onOutput(text, () => timer.refresh()));
    }
    child.on("exit", () => killGroup(child.pid));
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      const ending = code === 0 ? undefined : `ended with ${signal ?? `status ${code}`}`;
      const trouble = timedOut ? `not done after ${timeoutSeconds} s` : ending;
      resolve({ trouble, seconds: (Date.now() - started) / 1000 });
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
