import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

/** The essence of bpftrace's execsnoop.bt: one line for each exec, with its arguments. */
const PROGRAM = `
BEGIN { printf("ready\\n"); }
tracepoint:syscalls:sys_enter_execve { printf("%d ", pid); join(args->argv); }
tracepoint:sched:sched_process_fork { @forks = count(); }
tracepoint:sched:sched_process_exit { @exits = count(); }
`;

/**
 * Runs a load under bpftrace: CPU time for each program, and how many execs with their argument it printed. Gives the
 * reason where it cannot work here.
 */
export async function startExecsnoop(program, runLoad) {
  if (spawnSync("bpftrace", ["--version"]).error !== undefined) return "bpftrace is not installed";
  // It looks for tracefs in one place only, where it need not be mounted.
  const start = 'mount -t tracefs tracefs /sys/kernel/tracing 2>/dev/null; exec bpftrace -e "$0"';
  const snoop = spawn("unshare", ["-m", "sh", "-c", start, PROGRAM], { stdio: ["ignore", "pipe", "pipe"] });
  let [text, errors] = ["", ""];
  snoop.stdout.on("data", (data) => {
    text += data;
  });
  snoop.stderr.on("data", (data) => {
    errors += data;
  });
  const over = once(snoop, "close");
  for (let turn = 0; turn < 300 && !text.includes("ready") && snoop.exitCode === null; turn++) await sleep(100);
  if (snoop.exitCode !== null) return `bpftrace cannot work here: ${errors.trim().split("\n").at(-1)}`;
  const before = cpuMicros(snoop.pid);
  const { started, rate } = await runLoad();
  await sleep(500);
  const micros = cpuMicros(snoop.pid) - before;
  snoop.kill("SIGINT");
  await over;
  const printed = new Set(
    text
      .split("\n")
      .filter((line) => line.includes(program))
      .map((line) => line.split(" ").at(-1)),
  );
  const seen = started.filter(([, nonce]) => printed.has(nonce)).length;
  const lost = /Lost (\d+) events/.exec(errors)?.[1] ?? "0";
  return { rate, seen, lost: Number(lost), cpuMicrosPerProgram: Number((micros / started.length).toFixed(1)) };
}

/** Microseconds of CPU that a process has used, from clock ticks of 10 ms. */
function cpuMicros(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, "latin1").split(") ")[1].split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10_000;
}
