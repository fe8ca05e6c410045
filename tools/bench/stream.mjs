// The way of an event from the kernel to a subscriber: what it costs the sensor's process, what is lost, how late it comes.
// Each figure has a run of its own name, which is made several times; the medians are printed. What a sensor takes for the
// host's other work, which another one that runs beside it tells, is left out. Needs root and a compiler.
//
// The clients of all but `busy-grpc-js` are the cheapest that there can be, since they share the CPUs with what is measured:
// they count events by hand, by HTTP/2 with windows of 16 MiB. So the figures tell what the sensor can send. A client that
// makes objects of all it gets takes more time for an event than the sensor: at a rate that @grpc/grpc-js keeps up with,
// `busy-grpc-js` tells how it fares beside `busy`.
//
// Exit status 1 where a stalled client, or one that resets streams, harms the others by more than `bars` allow.
//
//   node tools/bench/stream.mjs [NAME…] [--runs 3] [--seconds 4] [--rate N]
//
// HOST_ARGV holds options of Node for the process that is measured, such as --cpu-prof.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { compileLoad, measure } from "./stream/run.mjs";

/** @typedef {import("./stream/run.mjs").Result} Result */
/** @typedef {import("./stream/run.mjs").Clients} Clients */

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rate: { type: "string" },
    runs: { type: "string", default: "3" },
    seconds: { type: "string", default: "4" },
  },
});
const seconds = Number(values.seconds);
/** @param {number} count @returns {Clients} */
const http2 = (count) => ({ kind: "http2", count });
/** Fields that every event of a task has (CPU 0 is not on the wire), and that of the system call. */
const ENVELOPE = [1, 2, 3, 5, 6, 7, 8, 10, 202, 203, 1000, 1001, 1003];

/** @type {Record<string, () => Promise<Record<string, number>>>} */
const cases = {
  /** One subscriber in the sensor's process. */
  async inside() {
    return inProcess(await run({ rate: 200_000 }));
  },
  /** One gRPC client. */
  async grpc() {
    return outside(await run({ rate: 150_000, clients: [http2(1)] }));
  },
  /** Ten clients that ask for the same, beside one. */
  async ten() {
    const one = outside(await run({ rate: 30_000, clients: [http2(1)] }));
    const ten = outside(await run({ rate: 30_000, clients: [http2(10)] }));
    return { ...ten, "one's µs/event": one["µs/event"], "× one": ten["µs/event"] / one["µs/event"] };
  },
  async busy() {
    return outside(await run({ rate: 50_000, clients: [http2(1)] }));
  },
  /** As busy, with a client that decodes every field in JavaScript on the same CPUs. */
  async "busy-grpc-js"() {
    return outside(await run({ rate: 50_000, clients: [{ kind: "grpc-js", count: 1 }] }));
  },
  /** So few that compiling what they need takes half a minute. */
  async idle() {
    const warm = [
      [5000, 3],
      [100, 25],
    ];
    return outside(await run({ rate: 100, warm, seconds: 20, clients: [http2(1)] }));
  },
  /** Three healthy clients, with and without one that takes nothing. */
  async stalled() {
    const alone = outside(await run({ rate: 20_000, clients: [http2(3)] }));
    const beside = outside(await run({ rate: 20_000, clients: [http2(3), { kind: "stalled", count: 1 }] }));
    return { ...beside, "p99 alone": alone["p99 ms"], "× p99": beside["p99 ms"] / alone["p99 ms"] };
  },
  /** One client, with and without another one that opens and resets streams. */
  async resets() {
    const alone = outside(await run({ rate: 20_000, clients: [http2(1)] }));
    const { resets, ...under } = await run({ rate: 20_000, clients: [http2(1)], resets: 10_000 });
    const beside = outside({ ...under, resets });
    return {
      ...beside,
      "resets/s": resets,
      "p99 alone": alone["p99 ms"],
      "× p99": beside["p99 ms"] / alone["p99 ms"],
      "MiB more": beside["peak MiB"] - alone["peak MiB"],
    };
  },
};

/** Milliseconds by which p99 differs from run to run. */
const NOISE = 1;
/**
 * What must not be, of the medians.
 *
 * @type {Record<string, (figures: Record<string, number>) => boolean>}
 */
const bars = {
  stalled: (figures) => figures.lost > 0 || figures["p99 ms"] > 1.1 * figures["p99 alone"] + NOISE,
  resets: (figures) => figures["p99 ms"] > 2 * figures["p99 alone"] + NOISE || figures["MiB more"] > 64,
};

const folder = mkdtempSync(join(tmpdir(), "kernscope-bench-"));
const load = compileLoad(folder);
try {
  for (const name of positionals.length > 0 ? positionals : Object.keys(cases)) {
    const results = [];
    for (let i = 0; i < Number(values.runs); i++) results.push(await cases[name]());
    const figures = Object.fromEntries(
      Object.keys(results[0]).map((key) => [key, median(results.map((result) => result[key]))]),
    );
    const missed = bars[name]?.(figures) ?? false;
    const text = Object.entries(figures).map(([key, value]) => `${round(value)} ${key}`);
    console.log(`${name}: ${text.join(", ")}${missed ? " – misses its bar" : ""}`);
    if (missed) process.exitCode = 1;
  }
} finally {
  rmSync(folder, { recursive: true });
}

/** @param {Omit<import("./stream/run.mjs").Run, "seconds"> & { seconds?: number }} options */
function run(options) {
  return measure(load, { seconds, ...options, ...(values.rate && { rate: Number(values.rate) }) });
}

/** @param {Result} result */
function inProcess({ made, seconds: duration, cpu, idle, user, system, lost, dropped, inside, rss }) {
  const figures = {
    "µs/event": cpu - idle,
    "with the host's": cpu,
    user,
    system,
    made: made / duration,
    "lost %": ((lost + dropped) / made) * 100,
  };
  return { ...figures, unaccounted: made - inside - lost - dropped, "peak MiB": rss / 2 ** 20 };
}

/** Of the first entry of the clients. @param {Result} result */
function outside({ made, seconds: duration, cpu, idle, user, system, got, rss }) {
  const [{ received, lost, bytes, fields, p50, p99, most }] = got;
  const missing = fields.length > 0 ? ENVELOPE.filter((field) => !fields.includes(field)) : [];
  if (missing.length > 0) throw new Error(`events lack the fields ${missing}`);
  return {
    "µs/event": cpu - idle,
    "with the host's": cpu,
    user,
    system,
    made: made / duration,
    "got/made": received / made,
    lost,
    "B/event": bytes,
    "p50 ms": p50,
    "p99 ms": p99,
    "p99.99 ms": most,
    "peak MiB": rss / 2 ** 20,
  };
}

/** @param {number[]} numbers */
function median(numbers) {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? NaN;
}

/** @param {number} value */
function round(value) {
  return Number(value.toPrecision(value >= 1000 ? 6 : 3));
}
