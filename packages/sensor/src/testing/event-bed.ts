import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type CompiledProgram, compileProgram } from "@kernscope/test-support";
import type { TelemetryEvent } from "../event.js";
import { Sensor, type SensorOptions } from "../sensor.js";
import type { Subscription } from "../subscription.js";
import type { SubscriptionRequest } from "../subscription-request.js";

/** A sensor on this kernel, and small C programs whose doings it sees. */
export class EventBed implements AsyncDisposable {
  readonly folder = mkdtempSync(join(tmpdir(), "kernscope-events-"));
  readonly sensor: Sensor;
  readonly #programs: CompiledProgram[] = [];

  static async open(options: SensorOptions = {}): Promise<EventBed> {
    const sensor = await Sensor.open(options);
    await sensor.start();
    return new EventBed(sensor);
  }

  private constructor(sensor: Sensor) {
    this.sensor = sensor;
  }

  /** Compiles C source; returns the program's path. */
  compile(name: string, source: string, ...flags: readonly string[]): string {
    const program = compileProgram(name, source, ["-w", ...flags]);
    this.#programs.push(program);
    return program.path;
  }

  /** Runs a program to its end; returns what it printed, by lines, and its pid. */
  run(program: string, ...args: readonly string[]): { pid: number; lines: string[] } {
    const { pid, stdout, status, stderr } = spawnSync(program, args, { encoding: "utf8" });
    if (status !== 0) throw new Error(`${program} ${args.join(" ")}: status ${status}, ${stderr}`);
    return { pid, lines: stdout.split("\n").filter((line) => line !== "") };
  }

  /** As {@link run}, while this thread goes on. */
  async runBeside(program: string, ...args: readonly string[]): Promise<{ pid: number; lines: string[] }> {
    const child = spawn(program, args, { stdio: ["ignore", "pipe", "inherit"] });
    let text = "";
    child.stdout.on("data", (part) => {
      text += part;
    });
    const [status] = await once(child, "close");
    if (status !== 0) throw new Error(`${program} ${args.join(" ")}: status ${status}`);
    return { pid: child.pid!, lines: text.split("\n").filter((line) => line !== "") };
  }

  /** Subscribes, and gathers what comes until the sensor is stopped. */
  async gather(request: SubscriptionRequest): Promise<Gathering> {
    const stream = await this.sensor.newSubscription(request);
    const events: TelemetryEvent[] = [];
    const done = (async () => {
      for await (const batch of stream) events.push(...batch);
    })();
    return { stream, events, done };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.sensor.stop();
    for (const program of this.#programs) program[Symbol.dispose]();
    rmSync(this.folder, { recursive: true });
  }
}

export interface Gathering {
  readonly stream: Subscription;
  readonly events: TelemetryEvent[];
  /** Settles when the stream has ended. */
  readonly done: Promise<void>;
}

/** The values of the events of a case that a process made. */
export function valuesOf(events: readonly TelemetryEvent[], pid: number, kind: TelemetryEvent["event"]["case"]) {
  return events
    .filter((event) => event.processTgid === pid && event.event.case === kind)
    .map((event) => event.event.value as never);
}
