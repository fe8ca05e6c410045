// What the monitor costs and how fast it is, beside a C reader of the same rings (the floor) and `perf record`, on the
// same load in the same run: two pinned processes that make a system call which nobody else makes. The contenders take
// turns, so that the machine's moods meet them all; what is printed are medians, each part's when it is over. Needs root, a
// C compiler and some five minutes; `perf` is left out where it is not installed.
//
//   node tools/bench/monitor.mjs [--quick] [--json] [--rounds N] [--only cost,capacity,blocked,latency,churn,rest,btf]
//
// --quick   short rounds, half a minute in all: good for a look, not for a verdict
// --json    one JSON document instead of the table
//
// It ends with 1 where a line says that it missed what it should reach.
import { execFileSync } from "node:child_process";
import { parseArgs } from "node:util";
import { Tracefs } from "../../packages/perf/dist/index.js";
import { startFloor, startMonitor } from "./monitor/contender.mjs";
import { FILTER, runLoad, TRACEPOINT } from "./monitor/load.mjs";
import { startPerfRecord } from "./monitor/perf-record.mjs";
import { compiled } from "./monitor/programs.mjs";
import { FULL_LOAD, median, printSection } from "./monitor/report.mjs";

const { values } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
    rounds: { type: "string" },
    only: { type: "string", default: "cost,capacity,blocked,latency,churn,rest,btf" },
  },
});
const { quick } = values;
const rounds = Number(values.rounds ?? (quick ? 1 : 5));
/** Seconds of load: to warm up, and measured. */
const WARM_UP = quick ? 0.2 : 0.5;
const MEASURED = quick ? 0.5 : 1.5;
const MIB = 2 ** 20;
/** The monitor's defaults, spelled out for the floor. */
const DEFAULTS = { ringSize: 2 * MIB, watermark: MIB / 4, tick: 5, slack: 100 };
const LOW_LATENCY = { tick: 0.5, slack: 50 };

const tracefs = await Tracefs.open();
const id = await tracefs.readId(TRACEPOINT);
await tracefs.close();
const target = { id, tracepoint: TRACEPOINT, filter: FILTER };

const sections = { cost, capacity, blocked, latency, churn, rest, btf };
const report = { rounds, secondsEach: MEASURED };
if (!values.json) console.log(`medians of ${rounds} rounds of ${MEASURED} s, Node ${process.version}`);
for (const name of values.only.split(",")) {
  if (sections[name] === undefined) {
    console.error(`bench: --only ${name}: there are ${Object.keys(sections).join(", ")}`);
    process.exit(2);
  }
  if (!values.json) process.stderr.write(`measuring: ${name}\n`);
  report[name] = await sections[name]();
  const missed = printSection(name, report[name], values.json ? () => {} : console.log);
  if (missed > 0) process.exitCode = 1;
}
if (values.json) console.log(JSON.stringify(report, undefined, 2));

/** CPU time per event of every contender, as fast as the load can go and at a fixed rate. */
async function cost() {
  const contenders = {
    "C floor: merge and copy": () => startFloor({ ...target, ...DEFAULTS }),
    "monitor, empty handler": () => startMonitor({ ...target, handler: "empty" }),
    "monitor, three fields read": () => startMonitor({ ...target, handler: "three" }),
    "monitor, every field into an object": () => startMonitor({ ...target, handler: "all" }),
    "monitor, decodeObject": () => startMonitor({ ...target, handler: "object" }),
    "perf record, to memory": () => startPerfRecord({ ...target, ...DEFAULTS }),
  };
  const loads = { [FULL_LOAD]: 0, "200,000 calls/s": 200_000 };
  const results = {};
  for (const [load, rate] of Object.entries(loads)) {
    const all = await takeTurns(contenders, (start) => measure(start, rate));
    results[load] = Object.entries(all).map(([name, runs]) => ({
      name,
      nanosPerEvent: median(runs.map((run) => run.cpuNanos / run.events)),
      best: Math.min(...runs.map((run) => run.cpuNanos / run.events)),
      rate: median(runs.map((run) => run.rate)),
      ...losses(runs),
    }));
  }
  return results;
}

/** The greatest rate at which nothing is lost, each step tried in every round, and what happens with the load unbridled. */
async function capacity() {
  const start = () => startMonitor({ ...target, handler: "three", options: { ringSize: 2 * MIB } });
  const steps = [400_000, 500_000, 600_000, 700_000, 800_000, 900_000, 1_000_000, 0];
  const tries = [];
  for (const step of quick ? [500_000, 0] : steps) {
    const runs = [];
    for (let round = 0; round < Math.min(rounds, 3); round++) runs.push(await measure(start, step));
    tries.push({ asked: step, rate: median(runs.map((run) => run.rate)), ...losses(runs) });
  }
  const without = tries.filter((each) => each.lost === 0).map((each) => each.rate);
  return { maxRateWithoutLoss: without.length === 0 ? 0 : Math.max(...without), tries };
}

/** JavaScript busy 150 ms of every 300, small rings. */
async function blocked() {
  const start = () => startMonitor({ ...target, handler: "three", block: [150, 300], options: { ringSize: MIB } });
  const runs = [];
  for (let round = 0; round < rounds; round++) runs.push(await measure(start, 300_000, 2 * MEASURED));
  return { rate: median(runs.map((run) => run.rate)), ...losses(runs), stalls: median(runs.map((run) => run.stalls)) };
}

/** From the kernel's time stamp to the handler, µs. */
async function latency() {
  const monitor = (own) => () => startMonitor({ ...target, handler: "latency", ...own });
  const floor = (own) => () => startFloor({ ...target, ...DEFAULTS, ...own, latency: 1 });
  const low = `tick ${LOW_LATENCY.tick} ms, slack ${LOW_LATENCY.slack} µs`;
  const settings = {
    "200,000/s, default": [200_000, monitor({})],
    "200,000/s, the C floor": [200_000, floor({})],
    "20,000/s, default": [20_000, monitor({})],
    [`20,000/s, ${low}`]: [20_000, monitor({ options: LOW_LATENCY })],
    [`20,000/s, ${low}, the C floor`]: [20_000, floor(LOW_LATENCY)],
    "20,000/s, urgent": [20_000, monitor({ urgent: true, options: { slack: LOW_LATENCY.slack } })],
  };
  const all = await takeTurns(settings, ([rate, start]) => measure(start, rate));
  return Object.entries(all).map(([name, runs]) => ({
    name,
    p50: median(runs.map((run) => run.p50)),
    p99: median(runs.map((run) => run.p99)),
    max: Math.max(...runs.map((run) => run.max)),
    late: Math.max(...runs.map((run) => run.late ?? 0)),
    cpuPercent: median(runs.map((run) => run.cpuNanos / 1e7 / run.seconds)),
    ...losses(runs),
  }));
}

/** How long JavaScript does not come to anything else while events are registered and closed, with the stream flowing. */
async function churn() {
  const runs = [];
  for (let round = 0; round < rounds; round++) {
    const contender = await startMonitor({ ...target, handler: "empty", churn: compiled("load") });
    await contender.begin();
    const load = runLoad(2 * MEASURED, 100_000);
    runs.push(await contender.end());
    await load;
    await contender.close();
  }
  const longest = (turns) => ({ median: median(turns), most: Math.max(...turns) });
  return {
    churned: runs[0].churned,
    blockedMicros: longest(runs.map((run) => run.blockedMicros)),
    wallMicros: longest(runs.map((run) => run.wallMicros)),
    collectorMicros: median(runs.map((run) => run.collectorMicros)),
    ...losses(runs),
  };
}

/** A monitor that has nothing to do. */
async function rest() {
  const contender = await startMonitor({ ...target, handler: "empty" });
  const seconds = quick ? 2 : 10;
  // V8 tidies up once, some eight seconds after a program has become quiet.
  await new Promise((resolve) => setTimeout(resolve, quick ? 1000 : 12_000));
  await contender.begin();
  const started = performance.now();
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  const { cpuNanos, rss } = await contender.end();
  const elapsed = (performance.now() - started) / 1000;
  await contender.close();
  return { cpuPercent: cpuNanos / 1e7 / elapsed, rssMiB: rss / MIB };
}

/** From nothing to the offset of a member of the kernel's types, each time in a process of its own; ms. */
async function btf() {
  const script = new URL("monitor/btf-start.mjs", import.meta.url).pathname;
  const runs = [];
  for (let round = 0; round < rounds; round++) runs.push(JSON.parse(execFileSync(process.execPath, [script])));
  const times = runs.map((run) => run.millis);
  return { types: runs[0].types, millis: median(times), most: Math.max(...times) };
}

/** One measurement of one contender, in a process of its own. */
async function measure(start, rate, seconds = MEASURED) {
  const contender = await start();
  try {
    await runLoad(WARM_UP, rate);
    await contender.begin();
    const load = await runLoad(seconds, rate);
    const measured = await contender.end();
    if (measured.events !== undefined && measured.events + measured.lost !== load.calls)
      throw new Error(`${measured.events} events and ${measured.lost} lost of ${load.calls} calls`);
    return { events: load.calls, lost: undefined, ...measured, rate: load.rate, seconds };
  } finally {
    await contender.close();
  }
}

async function takeTurns(contenders, run) {
  const results = Object.fromEntries(Object.keys(contenders).map((name) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const [name, contender] of Object.entries(contenders)) {
      if (results[name] === undefined) continue;
      try {
        results[name].push(await run(contender));
      } catch (error) {
        if (!name.startsWith("perf record")) throw error;
        console.error(`bench: left out: ${error.message}`);
        delete results[name];
      }
    }
  }
  return results;
}

/** The most that was lost in any round; undefined where the contender does not tell. */
function losses(runs) {
  const lost = runs.map((run) => run.lost);
  return lost.includes(undefined) ? {} : { lost: Math.max(...lost) };
}
