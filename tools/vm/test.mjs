// Runs the kernel-facing tests of all packages on each kernel, one boot a kernel, after the test bed's own test there. The
// kernels run beside each other, since a guest uses one CPU of the host.
//
//   node tools/vm/test.mjs [--kernel NAME]… [--timeout SECONDS] [--no-bed] [-- ARGUMENT OF tools/test.mjs…]
//
// Where qemu or a kernel cannot be had, that kernel counts as one skipped test, and as one failed test when CI=true.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { finished } from "node:stream/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { repositoryRoot } from "./cache.mjs";
import { closingLine, parseClosingLine, sumCounts } from "./closing-line.mjs";
import { prepareGuest, runInGuest } from "./guest.mjs";
import { catchInterruption } from "./interruption.mjs";
import { kernelLines } from "./kernels.mjs";
import { LinePrefixer } from "./line-prefixer.mjs";
import { VmError } from "./vm-error.mjs";

/** @typedef {import("./closing-line.mjs").Counts} Counts */

const { values, positionals } = parseArgs({
  options: {
    kernel: { type: "string", multiple: true, default: kernelLines.map((line) => line.name) },
    timeout: { type: "string", default: "2700" },
    "no-bed": { type: "boolean", default: false },
  },
  allowPositionals: true,
});
const interruption = catchInterruption();
/** Fetching and building take turns. @type {(() => Promise<Counts>)[]} */
const steps = [];
for (const kernel of values.kernel) steps.push(await prepareKernel(kernel));
const sum = sumCounts(await Promise.all(steps.map((step) => step())));
process.exitCode = interruption.status() ?? (sum.failed > 0 ? 1 : 0);
process.stdout.write(`${closingLine(sum)}\n`);

/**
 * Gets what a kernel's guest needs.
 *
 * @param {string} kernel
 * @returns {Promise<() => Promise<Counts>>} Runs the tests on it; where it cannot be had, only counts.
 */
async function prepareKernel(kernel) {
  const say = (/** @type {string} */ text) => void process.stderr.write(`${kernel} | vm: ${text}\n`);
  try {
    await prepareGuest(kernel, { say, signal: interruption.signal });
    return () => testKernel(kernel, say);
  } catch (error) {
    if (interruption.status() !== undefined) return interrupted;
    if (!(error instanceof VmError) || error.code !== "unavailable") throw error;
    const ci = process.env.CI === "true";
    say(`${error.message}; counted as ${ci ? "failed: CI has to have it" : "skipped"}`);
    return async () => ({ passed: 0, failed: ci ? 1 : 0, skipped: ci ? 0 : 1 });
  }
}

/** @param {string} kernel @param {(text: string) => void} say @returns {Promise<Counts>} */
async function testKernel(kernel, say) {
  try {
    const bed = values["no-bed"] ? [] : [await runStep(kernel, testBed, say)];
    return sumCounts([...bed, await runStep(kernel, testPackages, say)]);
  } catch (error) {
    if (interruption.status() !== undefined) return interrupted();
    throw error;
  }
}

async function interrupted() {
  return { passed: 0, failed: 1, skipped: 0 };
}

/**
 * Runs something that closes with a closing line on standard output, and judges it.
 *
 * @param {string} kernel
 * @param {(kernel: string, stdout: LinePrefixer, stderr: LinePrefixer) => Promise<number>} step Gives its exit status.
 * @param {(text: string) => void} say
 * @returns {Promise<Counts>}
 */
async function runStep(kernel, step, say) {
  const stdout = new LinePrefixer(`${kernel} | `, process.stdout);
  const stderr = new LinePrefixer(`${kernel} | `, process.stderr);
  /** @type {number} */
  let status;
  try {
    status = await step(kernel, stdout, stderr);
  } finally {
    for (const stream of [stdout, stderr]) await finished(stream.end());
  }
  const found = parseClosingLine(stdout.lastLine);
  const judge = (/** @type {string} */ cause) => say(`${cause}: counted as one failure`);
  if (found === undefined) judge(`no closing line, exit status ${status}`);
  else if (found.passed + found.failed === 0) judge("no test was executed");
  else if (status !== 0 && found.failed === 0) judge(`exit status ${status} without a failed test`);
  else return found;
  return { passed: found?.passed ?? 0, failed: 1, skipped: found?.skipped ?? 0 };
}

/**
 * @param {string} kernel
 * @param {LinePrefixer} stdout
 * @param {LinePrefixer} stderr
 */
async function testBed(kernel, stdout, stderr) {
  const script = fileURLToPath(new URL("prove-bed.mjs", import.meta.url));
  const child = spawn(process.execPath, [script, "--kernel", kernel], {
    signal: interruption.signal,
    stdio: ["ignore", "pipe", "pipe"],
  });
  child.stdout.pipe(stdout, { end: false });
  child.stderr.pipe(stderr, { end: false });
  const [status] = await once(child, "close");
  return status ?? 128;
}

/**
 * @param {string} kernel
 * @param {LinePrefixer} stdout
 * @param {LinePrefixer} stderr
 */
function testPackages(kernel, stdout, stderr) {
  return runInGuest({
    kernel,
    // A file gets more time than on a real CPU.
    command: [
      process.execPath,
      "tools/test.mjs",
      "--no-build",
      "--kernel-facing",
      "--grouped",
      "--timeout",
      "900",
      ...positionals,
    ],
    cwd: repositoryRoot,
    memory: 4096,
    timeout: Number(values.timeout),
    stdout,
    stderr,
    say: (text) => void stderr.write(`vm: ${text}\n`),
    signal: interruption.signal,
  });
}
