import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { TelemetryService } from "@kernscope/telemetry-service";
import { FakeSensor, inTemporaryDirectory } from "@kernscope/telemetry-service/testing";
import * as assert from "uvu/assert";

const program = fileURLToPath(new URL("main.js", import.meta.url));

/** A service on a fake sensor. */
export interface Served {
  readonly sensor: FakeSensor;
  readonly service: TelemetryService;
  readonly address: string;
}

/** A test's body with a service of its own. */
export function withService(body: (served: Served) => Promise<void>) {
  return inTemporaryDirectory(async (directory) => {
    const sensor = new FakeSensor();
    const address = `unix:${join(directory, "s.sock")}`;
    const service = new TelemetryService(sensor, address);
    await service.serve();
    try {
      await body({ sensor, service, address });
    } finally {
      await service.stop();
    }
  });
}

/** The program ends with a status and one line that says why. */
export async function fails(args: readonly string[], expected: number, message: RegExp): Promise<void> {
  const { status, stdout, stderr } = await start(args).ended;
  assert.is(status, expected, stderr);
  assert.is(stdout, "");
  assert.match(stderr, /^kernscope: [^\n]+\n$/);
  assert.match(stderr.trimEnd(), message);
}

/** Starts the program. */
export function start(args: readonly string[]) {
  const child = spawn(process.execPath, [program, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (data) => {
    stdout += data;
  });
  child.stderr.on("data", (data) => {
    stderr += data;
  });
  const ended = once(child, "close").then(([status]) => ({ status, stdout, stderr }));
  return { child, ended, stdout: () => stdout };
}
