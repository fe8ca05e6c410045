import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import * as assert from "uvu/assert";
import { inTemporaryDirectory, until } from "./temporary.js";

const program = fileURLToPath(new URL("../main.js", import.meta.url));

/** The real program, running. */
export interface SensorProgram {
  readonly pid: number;
  /** What it logged. */
  readonly log: () => string;
  /** Sends a signal and resolves with the exit status; null where the signal ended it. */
  readonly kill: (signal: NodeJS.Signals) => Promise<number | null>;
}

/** Starts the real program and resolves when it serves at `path`. */
export async function startSensor(path: string, args: readonly string[] = []): Promise<SensorProgram> {
  const child = spawn(process.execPath, [program, "--listen", `unix:${path}`, ...args], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  let log = "";
  child.stderr.on("data", (data) => {
    log += data;
  });
  const ended = once(child, "close");
  await until(() => log.includes('"serving"') || child.exitCode !== null, "it serves");
  assert.ok(existsSync(path), log);
  return {
    pid: child.pid as number,
    log: () => log,
    kill: async (signal) => {
      child.kill(signal);
      await ended;
      return child.exitCode;
    },
  };
}

/** Runs a test with the real program, which must end properly after. */
export function withSensor(body: (path: string, sensor: SensorProgram) => Promise<void>, args: readonly string[] = []) {
  return inTemporaryDirectory(async (directory) => {
    const path = join(directory, "s.sock");
    const sensor = await startSensor(path, args);
    let status: number | null;
    try {
      await body(path, sensor);
    } finally {
      status = await sensor.kill("SIGTERM");
    }
    assert.is(status, 0, sensor.log());
    assert.equal(readdirSync(directory), []);
  });
}
