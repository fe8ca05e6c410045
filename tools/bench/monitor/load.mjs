import { spawn } from "node:child_process";
import { availableParallelism } from "node:os";
import { compiled } from "./programs.mjs";

/** The calls that the load makes, and nobody else: what the contenders count. */
export const TRACEPOINT = "syscalls/sys_enter_lseek";
export const FILTER = "whence == 77777";

/**
 * Runs two pinned processes that make the call for so many seconds.
 *
 * @param {number} seconds
 * @param {number} rate calls a second of both together; 0: as fast as they can
 * @returns {Promise<{ calls: number, rate: number }>} what was made of it, calls a second
 */
export async function runLoad(seconds, rate) {
  const cpus = [0, Math.min(1, availableParallelism() - 1)];
  const runs = await Promise.all(cpus.map((cpu) => runOne(cpu, seconds, rate / cpus.length)));
  return { calls: sum(runs.map((run) => run.calls)), rate: sum(runs.map((run) => run.calls / (run.nanos / 1e9))) };
}

function runOne(cpu, seconds, rate) {
  return new Promise((resolve, reject) => {
    const child = spawn(compiled("load"), [cpu, seconds, rate].map(String), { stdio: ["ignore", "pipe", "inherit"] });
    let output = "";
    child.stdout.on("data", (chunk) => {
      output += chunk;
    });
    child.on("error", reject);
    child.on("close", (status) => {
      const [calls, nanos] = output.split(" ").map(Number);
      if (status === 0) resolve({ calls, nanos });
      else reject(new Error(`load on CPU ${cpu} ended with ${status}`));
    });
  });
}

function sum(numbers) {
  return numbers.reduce((total, each) => total + each, 0);
}
