// What a sensor costs: CPU time of its process for each cycle of fork, exec and exit, and for each system call that a
// subscriber in the process gets; how much the load slows down, and how much by the kernel's part alone (sensor/floor.c);
// what was lost. Needs root and a C compiler.
//
//   node tools/bench/sensor.mjs [--cycles N] [--rounds N] [--rate N] [--seconds N] [--only storm|flood]
//
// --cycles   of fork, exec and exit in a round (default 4,000)
// --rounds   of the storm that count, after two that warm the code up; medians (default 7)

import { spawn } from "node:child_process";
import { once } from "node:events";
import { parseArgs } from "node:util";
import { Tracefs } from "../../packages/perf/dist/index.js";
import { Sensor, syscallNumber } from "../../packages/sensor/dist/index.js";
import { compiled } from "./monitor/programs.mjs";

const { values } = parseArgs({
  options: {
    cycles: { type: "string", default: "4000" },
    rounds: { type: "string", default: "7" },
    rate: { type: "string", default: "200000" },
    seconds: { type: "string", default: "5" },
    only: { type: "string" },
  },
});

const folder = new URL("sensor", import.meta.url).pathname;
const load = compiled("load", folder);
const floor = compiled("floor", folder);
/** Of what a sensor has for fork, exec and exit, that which comes in each cycle; exec first. */
const FLOOR_EVENTS = ["sched/sched_process_exec", "task/task_newtask", "task/task_rename", "sched/sched_process_exit"];
if (values.only !== "flood") await storm(Number(values.cycles), Number(values.rounds));
if (values.only !== "storm") await flood(Number(values.rate), Number(values.seconds));

/** @param {number} cycles @param {number} rounds */
async function storm(cycles, rounds) {
  const args = ["storm", `${cycles}`];
  const filters = /** @type {const} */ (["process.fork", "process.exec", "process.exit"]).map((kind) => ({ kind }));
  const watched = [];
  const bed = await open(filters);
  for (let round = -2; round < rounds; round++) watched.push(await bed.watch(args));
  let lost = bed.lost();
  const rss = memory();
  await bed.close();
  // Without a sensor, with a warm one, and without again, so that what the machine does meanwhile weighs on both alike; then
  // beside what the kernel's part of it costs alone.
  const [ratios, floors] = [[], []];
  const ids = await floorIds();
  let before = await run(...args);
  /** @param {number} seconds that a round took whose neighbours had no sensor */
  const beside = async (seconds) => {
    const after = await run(...args);
    const ratio = (2 * seconds) / (before + after);
    before = after;
    return ratio;
  };
  for (let round = 0; round < rounds; round++) {
    const fresh = await open(filters);
    await fresh.watch(args);
    const { seconds } = await fresh.watch(args);
    lost += fresh.lost();
    await fresh.close();
    ratios.push(await beside(seconds));
    const stop = await startFloor(ids);
    const least = await run(...args);
    await stop();
    floors.push(await beside(least));
  }
  // There are events of others, too.
  const [cold = Number.NaN, , ...warm] = watched.map(({ cpu, count }) => (3 * cpu) / count);
  const others = median(watched.slice(2).map(({ count }) => count / 3 / cycles - 1));
  console.log(
    `exec storm: ${cycles} cycles a round (${(others * 100).toFixed(0)} % more by others), µs of CPU a cycle: ` +
      `${median(warm).toFixed(0)} warm (${spread(warm)}), ${cold.toFixed(0)} cold; ` +
      `load ×${median(ratios).toFixed(3)} (${spread(ratios, 2)}), ` +
      `by the kernel's part alone ×${median(floors).toFixed(3)} (${spread(floors, 2)}), ${lost} lost, RSS ${rss} MiB`,
  );
}

async function floorIds() {
  const tracefs = await Tracefs.open();
  const ids = await Promise.all(FLOOR_EVENTS.map((name) => tracefs.readId(name)));
  await tracefs.close();
  return ids;
}

/** Starts the C program that has the events with these ids open and reads nothing. @param {number[]} ids */
async function startFloor(ids) {
  const child = spawn(floor, ids.map(String), { stdio: ["pipe", "pipe", "inherit"] });
  const closed = once(child, "close");
  await Promise.race([once(child.stdout, "data"), closed]);
  if (child.exitCode !== null) throw new Error(`the floor ended with ${child.exitCode}`);
  return async () => {
    child.stdin.end();
    await closed;
  };
}

/** @param {number} rate @param {number} seconds */
async function flood(rate, seconds) {
  const where = {
    type: /** @type {const} */ ("eq"),
    left: { type: /** @type {const} */ ("identifier"), name: "id" },
    right: {
      type: /** @type {const} */ ("value"),
      valueType: /** @type {const} */ ("int64"),
      value: syscallNumber("getppid") ?? 0,
    },
  };
  const bed = await open([{ kind: "syscall.enter", where }]);
  const { cpu, count } = await bed.watch(["flood", `${rate}`, `${seconds}`]);
  console.log(
    `system calls: ${rate}/s for ${seconds} s, ${(cpu / count).toFixed(2)} µs of CPU an event, ${count} events, ` +
      `${bed.lost()} lost, RSS ${memory()} MiB`,
  );
  await bed.close();
}

/**
 * @typedef {object} Watched
 * @property {number} seconds that the load took
 * @property {number} cpu time of this process, in µs
 * @property {number} count of events
 */

/** A sensor with a subscriber. @param {import("../../packages/sensor/dist/index.js").EventFilter[]} filters */
async function open(filters) {
  const sensor = await Sensor.open();
  await sensor.start();
  let count = 0;
  const stream = await sensor.newSubscription({ filters });
  const reading = (async () => {
    for await (const batch of stream) for (const { event } of batch) if (event.case !== "lost") count++;
  })();
  return {
    /** Runs the load. @param {string[]} args @returns {Promise<Watched>} */
    async watch(args) {
      const [before, counted] = [process.cpuUsage(), count];
      const seconds = await run(...args);
      // What is still in the rings belongs to it.
      await new Promise((resolve) => setTimeout(resolve, 100));
      const { user, system } = process.cpuUsage(before);
      return { seconds, cpu: user + system, count: count - counted };
    },
    lost: () => sensor.metrics().lost + sensor.metrics().dropped,
    async close() {
      await sensor.stop();
      await reading;
    },
  };
}

/** @param {number[]} values */
function median(values) {
  return [...values].sort((left, right) => left - right)[values.length >> 1] ?? Number.NaN;
}

/** @param {number[]} values @param {number} [digits] */
function spread(values, digits = 0) {
  return `${Math.min(...values).toFixed(digits)} to ${Math.max(...values).toFixed(digits)}`;
}

/** @param {string[]} args */
async function run(...args) {
  const child = spawn(load, args, { stdio: ["ignore", "pipe", "inherit"] });
  let text = "";
  child.stdout.on("data", (part) => {
    text += part;
  });
  await once(child, "close");
  return Number(text);
}

function memory() {
  return Math.round(process.memoryUsage.rss() / 2 ** 20);
}
