import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/**
 * `perf record` as a contender, into a file in memory: it copies the rings as they are, neither merged nor looked at.
 * (Into /dev/null it would not even read them.) How many records it got it does not say. It runs in a mount namespace, because it mounts tracefs and leaves it
 * there.
 */
export async function startPerfRecord({ tracepoint, filter, ringSize }) {
  const folder = mkdtempSync(join("/dev/shm", "kernscope-bench-"));
  const file = join(folder, "perf.data");
  const event = ["-e", tracepoint.replace("/", ":"), "--filter", filter];
  const control = ["-m", `${ringSize >> 10}K`, "-D", "-1", "--control", "fd:3,4"];
  const child = spawn("unshare", ["--mount", "perf", "record", "-a", "-B", "-N", "-o", file, ...event, ...control], {
    stdio: ["ignore", "ignore", "pipe", "pipe", "pipe"],
  });
  const ended = new Promise((resolve) => child.on("close", resolve));
  let errors = "";
  child.stderr.on("data", (chunk) => {
    errors += chunk;
  });
  child.on("error", () => {});
  child.stdio[3].on("error", () => {});
  const say = async (command) => {
    const acknowledged = new Promise((resolve) => child.stdio[4].once("data", () => resolve(true)));
    child.stdio[3].write(`${command}\n`);
    if ((await Promise.race([acknowledged, ended])) !== true) throw new Error(`perf record: ${errors.trim()}`);
  };
  await say("ping").catch((error) => {
    rmSync(folder, { recursive: true });
    throw error;
  });
  let before = 0;
  return {
    async begin() {
      before = cpuNanosOf(child.pid);
      await say("enable");
    },
    async end() {
      await say("disable");
      await sleep(200);
      return { cpuNanos: cpuNanosOf(child.pid) - before };
    },
    async close() {
      child.kill("SIGKILL");
      await ended;
      rmSync(folder, { recursive: true });
    },
  };
}

/** CPU time of all threads of a process: the first number of each schedstat. */
function cpuNanosOf(pid) {
  const tasks = readdirSync(`/proc/${pid}/task`);
  return tasks.reduce((sum, tid) => sum + Number.parseInt(readFileSync(`/proc/${pid}/task/${tid}/schedstat`), 10), 0);
}
