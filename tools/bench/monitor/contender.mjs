import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { compiled } from "./programs.mjs";

/**
 * A program that is measured. It prints `{"ready":true}`; a line "begin" makes it note its counters and print
 * `{"begun":true}`; at "end" it takes what is left in the rings and prints the {@link Measurement} since "begin". It ends
 * when its input does.
 *
 * @typedef {object} Measurement
 * @property {number} events records delivered
 * @property {number} hits by the kernel's count
 * @property {number} lost by the kernel's count
 * @property {number} cpuNanos user and system time of all its threads
 * @property {number} [p50] µs from the kernel's time stamp to the handler, where it measures that
 * @property {number} [p99]
 * @property {number} [max]
 */
class Contender {
  constructor(program, args) {
    this.child = spawn(program, args, { stdio: ["pipe", "pipe", "inherit"] });
    this.ended = new Promise((resolve) => this.child.on("close", resolve));
    this.child.on("error", () => {});
    this.child.stdin.on("error", () => {});
    this.lines = createInterface({ input: this.child.stdout })[Symbol.asyncIterator]();
    this.name = program;
  }

  async answer() {
    const { value, done } = await this.lines.next();
    if (done) throw new Error(`${this.name} ended before its time (${this.child.exitCode})`);
    return JSON.parse(value);
  }

  async begin() {
    this.child.stdin.write("begin\n");
    await this.answer();
  }

  /** @returns {Promise<Measurement>} */
  async end() {
    this.child.stdin.write("end\n");
    return this.answer();
  }

  async close() {
    this.child.stdin.end();
    await this.ended;
  }
}

/** The C reader of floor.c. */
export async function startFloor({ id, filter, ringSize, watermark, tick, slack, latency = 0 }) {
  const numbers = [ringSize, watermark, tick, slack, latency];
  const contender = new Contender(compiled("floor"), [id, filter, ...numbers].map(String));
  await contender.answer();
  return contender;
}

/** The monitor in a process of its own; what `settings` are, contender-monitor.mjs says. */
export async function startMonitor(settings) {
  const script = new URL("contender-monitor.mjs", import.meta.url).pathname;
  const contender = new Contender(process.execPath, [script, JSON.stringify(settings)]);
  await contender.answer();
  return contender;
}
