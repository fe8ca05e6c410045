import { spawn } from "node:child_process";
import { once } from "node:events";

/** getppid(2), which nearly nobody calls. */
const GETPPID = process.arch === "arm64" ? 173 : 110;

/** Asks for all calls of getppid(2), in the names of the .proto files. */
export const floodFilter = { syscall_events: [{ type: "SYSCALL_EVENT_TYPE_ENTER", id: { value: GETPPID } }] };

/** A process that makes system calls. */
export interface SyscallFlood {
  readonly pid: number;
  /** Lets it begin; resolves with the number of calls when it has made them. */
  readonly run: () => Promise<number>;
  readonly kill: () => void;
}

/** Starts a process that will call getppid(2) so often a second, for so many seconds. */
export function startFlood(rate: number, seconds: number): SyscallFlood {
  const child = spawn(process.execPath, ["-e", source, `${rate}`, `${seconds}`], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  let made = "";
  child.stdout.on("data", (data) => {
    made += data;
  });
  const ended = once(child, "close");
  return {
    pid: child.pid as number,
    run: async () => {
      child.stdin.end("go");
      await ended;
      return Number(made);
    },
    kill: () => child.kill(),
  };
}

const source = `
  const [rate, seconds] = process.argv.slice(1).map(Number);
  process.stdin.once("data", () => {
    const started = performance.now();
    let made = 0;
    let parents = 0;
    const tick = () => {
      const past = (performance.now() - started) / 1000;
      for (const due = Math.min(past, seconds) * rate; made < due; made++) parents += process.ppid;
      if (past < seconds) setTimeout(tick, 1);
      else if (parents > 0) console.log(made);
    };
    tick();
  });`;
