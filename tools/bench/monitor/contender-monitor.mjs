// The monitor as a contender (contender.mjs), one process for each way to use it, so that one's types do not slow another.
//
//   node contender-monitor.mjs '{"handler": …, "tracepoint": …, "filter": …, "options": {…}, "urgent": …, "block": …}'
//
// handler  "empty"; "three": three fields read; "all": every field into an object; "object": the same by decodeObject;
//          "latency": kernel time stamp to handler, of every record
// options  of EventMonitor.open
// churn    at "end" registers and closes other events first, and measures how long that keeps JavaScript from other work:
//          a program with a function `main` for its user probes
// block    keeps JavaScript busy: milliseconds of every other so many milliseconds
import { closeSync, openSync, readSync } from "node:fs";
import { PerformanceObserver } from "node:perf_hooks";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { decodeObject, EventMonitor, Tracefs } from "../../../packages/perf/dist/index.js";
import { clockNanos } from "../../../packages/perf-native/dist/index.js";

const CLOCK_THREAD_CPUTIME_ID = 3;
const scheduleText = Buffer.alloc(128);
/** Latencies in µs; the last counts what took longer. */
const histogram = new Uint32Array(1_000_000);

const settings = JSON.parse(process.argv[2]);
const monitor = await EventMonitor.open(settings.options);
const origin = monitor.clock.origin;
const originSeconds = Number(origin / 1_000_000_000n);
const originNanos = Number(origin % 1_000_000_000n);
let count = 0;
let sum = 0;
let kept;

const handlers = {
  empty() {
    count++;
  },
  three(_record, data) {
    count++;
    sum = (sum + data.fd + data.offset + data.whence) | 0;
  },
  all(record, data) {
    count++;
    kept = {
      pid: record.pid,
      tid: record.tid,
      cpu: record.cpu,
      elapsed: record.elapsed,
      __syscall_nr: data.__syscall_nr,
      fd: data.fd,
      offset: data.offset,
      whence: data.whence,
    };
  },
  object(_record, data) {
    count++;
    kept = decodeObject(data);
  },
  latency(record) {
    count++;
    const [seconds, nanos] = process.hrtime();
    const latency = (seconds - originSeconds) * 1e9 + (nanos - originNanos) - record.elapsed;
    histogram[Math.min(Math.max(0, Math.floor(latency / 1000)), histogram.length - 1)]++;
  },
};
const id = await monitor.registerTracepoint(settings.tracepoint, handlers[settings.handler], {
  filter: settings.filter,
  urgent: settings.urgent === true,
});
let run = monitor.run();
const names = settings.churn === undefined ? [] : await namesToChurn();
if (settings.churn !== undefined) collectGarbage();
if (settings.block !== undefined) keepBusy(settings.block);

let before = { events: 0, hits: 0, lost: 0, cpuNanos: 0 };
answer({ ready: true });
for await (const line of createInterface({ input: process.stdin })) {
  if (line === "begin") {
    await drain();
    histogram.fill(0);
    before = await counters();
    answer({ begun: true });
  } else {
    const longest = settings.churn === undefined ? {} : await churn(settings.churn, names);
    await drain();
    const after = await counters();
    const since = Object.fromEntries(Object.keys(after).map((key) => [key, after[key] - before[key]]));
    const { late, stalls, wakeups } = monitor.stats();
    answer({ ...since, ...longest, ...percentiles(), late, stalls, wakeups, rss: process.memoryUsage.rss() });
  }
}
await monitor.close();
if (!Number.isFinite(sum) || Object.values(kept ?? {}).includes(undefined)) throw new Error("a field was not read");

/** Hands out all that happened up to now. */
async function drain() {
  await monitor.stop();
  await run;
  run = monitor.run();
}

async function counters() {
  const { user, system } = process.cpuUsage();
  const { events } = await monitor.loss();
  const event = events.find((each) => each.id === id);
  return { events: count, hits: Number(event.hits), lost: Number(event.lost ?? 0n), cpuNanos: (user + system) * 1000 };
}

function percentiles() {
  if (settings.handler !== "latency") return {};
  const total = histogram.reduce((all, each) => all + each, 0);
  const at = (part) => {
    let seen = 0;
    return histogram.findIndex((each) => {
      seen += each;
      return seen >= total * part;
    });
  };
  return { p50: at(0.5), p99: at(0.99), max: histogram.findLastIndex((each) => each > 0) };
}

/** Tracepoints that nobody else has open. */
async function namesToChurn() {
  const tracefs = await Tracefs.open();
  const names = (await tracefs.listEvents()).filter((name) => name.startsWith("syscalls/sys_enter_s")).slice(0, 50);
  await tracefs.close();
  return names;
}

/**
 * V8's first full collection, which each program has once when its heap comes to 7 MB and which takes all of the heap in one
 * go: it is no registration's doing.
 */
function collectGarbage() {
  setFlagsFromString("--expose-gc");
  runInNewContext("gc")();
}

/**
 * Registers and closes tracepoints that nobody else has open, whose closing takes the kernel longest, 50 of them at once,
 * and user probes and a counter group with them; then all of it again. Between two timers a millisecond apart it looks how
 * much CPU time this thread spent, and how late the second one is: a call that sleeps in the kernel costs no CPU time. How
 * long the thread waited for a processor is taken off, since that is other programs' doing. A collection of garbage that
 * falls into a turn counts in it; the longest collection is told beside it.
 */
async function churn(program, names) {
  const nothing = () => {};
  const register = () => [
    ...names.map((name) => monitor.registerTracepoint(name, nothing)),
    monitor.registerUprobe({ path: program, symbol: "main" }, nothing),
    // Its own symbols are many: some hundred thousand.
    monitor.registerUprobe({ path: process.execPath, symbol: "main" }, nothing, { onReturn: true }),
    monitor.registerCounterGroup([{ software: "CONTEXT_SWITCHES" }, { software: "PAGE_FAULTS" }], nothing),
  ];
  let collector = 0;
  const observer = new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) collector = Math.max(collector, duration * 1000);
  });
  observer.observe({ entryTypes: ["gc"] });
  const schedule = openSync("/proc/thread-self/schedstat", "r");
  const longest = { cpu: 0, wall: 0 };
  let churned = 0;
  let before = moment(schedule);
  const turn = () => {
    const now = moment(schedule);
    longest.cpu = Math.max(longest.cpu, now.cpu - before.cpu);
    longest.wall = Math.max(longest.wall, now.wall - before.wall - 1000 - (now.waited - before.waited));
    // What the look itself takes is no turn's.
    before = moment(schedule);
    timer = setTimeout(turn, 1);
  };
  let timer = setTimeout(turn, 1);
  for (let round = 0; round < 2; round++) {
    const ids = await Promise.all(register());
    churned += ids.length;
    await Promise.all(ids.map((each) => monitor.unregister(each)));
  }
  clearTimeout(timer);
  observer.disconnect();
  closeSync(schedule);
  return { churned, blockedMicros: longest.cpu, wallMicros: longest.wall, collectorMicros: collector };
}

/**
 * Where this thread stands, in microseconds.
 *
 * @param {number} schedule its schedstat (Documentation/scheduler/sched-stats.rst), open
 */
function moment(schedule) {
  const length = readSync(schedule, scheduleText, 0, scheduleText.length, 0);
  const [, waited] = scheduleText.latin1Slice(0, length).split(" ");
  return { wall: performance.now() * 1000, cpu: threadMicros(), waited: Number(waited) / 1000 };
}

/** CPU time of this thread. */
function threadMicros() {
  return Number(clockNanos(CLOCK_THREAD_CPUTIME_ID)) / 1000;
}

async function keepBusy([busy, period]) {
  while (true) {
    const end = performance.now() + busy;
    while (performance.now() < end);
    await sleep(period - busy, undefined, { ref: false });
  }
}

function answer(value) {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}
