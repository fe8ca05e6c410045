import { type ChildProcess, execFile, type SpawnOptions, spawn } from "node:child_process";
import { existsSync, openSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

/** What a program that ran to its end said. */
export interface Ran {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end. */
export function run(program: string, args: readonly string[], options: { cwd?: string; env?: NodeJS.ProcessEnv } = {}) {
  return new Promise<Ran>((resolve) => {
    execFile(program, args, { maxBuffer: 1 << 26, timeout: 60_000, ...options }, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === "number" ? error.code : 255;
      resolve({ status: code, stdout, stderr });
    });
  });
}

/** Runs a program that has to end well, and returns what it printed. */
export async function succeed(
  program: string,
  args: readonly string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv } = {},
): Promise<string> {
  const { status, stdout, stderr } = await run(program, args, options);
  if (status !== 0) throw new Error(`${program} ${args.join(" ")}: status ${status}\n${stderr}`);
  return stdout.trim();
}

/** A daemon with its output in a file. */
export class Daemon {
  readonly pid: number;
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;

  private constructor(pid: number, child: ChildProcess, ended: Promise<unknown>) {
    this.pid = pid;
    this.#child = child;
    this.#ended = ended;
  }

  /** Starts it and waits for its socket, for half a minute at the most. */
  static async start(
    program: string,
    args: readonly string[],
    { log, socket, ...options }: SpawnOptions & { log: string; socket: string },
  ): Promise<Daemon> {
    const output = openSync(log, "a");
    const child = spawn(program, args, { ...options, stdio: ["ignore", output, output], detached: true });
    let over = false;
    const ended = new Promise((resolve) => {
      child.on("error", resolve);
      child.on("exit", resolve);
    }).then(() => {
      over = true;
    });
    for (let turn = 0; turn < 3000 && !over && !existsSync(socket); turn++) await sleep(10);
    if (child.pid === undefined || over || !existsSync(socket)) {
      child.kill("SIGKILL");
      throw new Error(`${program} ${args.join(" ")}: did not start\n${readFileSync(log, "utf8").slice(-4000)}`);
    }
    child.unref();
    return new Daemon(child.pid, child, ended);
  }

  /** Ends it, by force where it does not go. */
  async stop(signal: "SIGTERM" | "SIGKILL" = "SIGTERM"): Promise<void> {
    this.#child.ref();
    kill(this.pid, signal);
    const waited = await Promise.race([this.#ended.then(() => true), sleep(10_000, false, { ref: false })]);
    if (!waited) kill(this.pid, "SIGKILL");
    await this.#ended;
  }
}

export function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}
