// What the process cache costs and whether it is right: CPU time for each fork, exec and exit of a storm of short-lived
// programs with each one's argument, parent and credentials checked, beside execsnoop of bpftrace on the same load; lookups;
// memory of 100,000 tasks; the scan of /proc. Needs root and a C compiler; bpftrace is left out where it is not installed
// or the kernel does not let it work.
//
//   node tools/bench/process-cache.mjs [--json] [--count N] [--rate N] [--only storm,lookup,memory,scan]
//
// --count   programs of a storm (default 20,000)
// --rate    programs a second (default 5,000; 0: as fast as it goes)
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { EventMonitor } from "../../packages/perf/dist/index.js";
import { ProcessInfoCache } from "../../packages/process-cache/dist/index.js";
import { startExecsnoop } from "./process-cache/execsnoop.mjs";
import { fillTable, lookupNanos } from "./process-cache/table.mjs";

const { values } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    count: { type: "string", default: "20000" },
    rate: { type: "string", default: "5000" },
    only: { type: "string", default: "storm,lookup,memory,scan" },
  },
});
const [count, rate] = [Number(values.count), Number(values.rate)];
const folder = mkdtempSync(join(tmpdir(), "bench-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
const source = (name) => fileURLToPath(new URL(`process-cache/${name}`, import.meta.url));
const [storm, nothing] = [join(folder, "storm"), join(folder, "nothing")];

const sections = { storm: measureStorms, lookup: measureLookups, memory: measureMemory, scan: measureScan };
const report = {};
for (const name of values.only.split(",")) {
  if (sections[name] === undefined) {
    console.error(`bench: --only ${name}: there are ${Object.keys(sections).join(", ")}`);
    process.exit(2);
  }
  report[name] = await sections[name]();
}
if (values.json) console.log(JSON.stringify(report, undefined, 2));
else for (const [name, result] of Object.entries(report)) console.log(name, result);

async function measureStorms() {
  execFileSync("cc", ["-O2", "-o", storm, source("storm.c")]);
  execFileSync("cc", ["-O2", "-nostdlib", "-static", "-o", nothing, source("nothing.c")]);
  const bare = await runStorm();
  const cache = await watchStorm();
  const bpftrace = await startExecsnoop(nothing, runStorm);
  return { programs: count, bareRate: bare.rate, cache, bpftrace };
}

/** Runs the load; gives the rate it came to and what it started. */
async function runStorm() {
  const load = spawn(storm, [nothing, `${count}`, `${rate}`, "16"], { stdio: ["ignore", "pipe", "inherit"] });
  let text = "";
  load.stdout.on("data", (data) => {
    text += data;
  });
  await once(load, "close");
  const [seconds, ...lines] = text.trim().split("\n");
  return { pid: load.pid, rate: Math.round(count / Number(seconds)), started: lines.map((line) => line.split(" ")) };
}

async function watchStorm() {
  return withCache(async (monitor, cache) => {
    const execs = new Map();
    const counts = { forks: 0, exits: 0 };
    monitor.addHandler(cache.forkEventId, () => counts.forks++);
    monitor.addHandler(cache.exitEventId, () => counts.exits++);
    monitor.addHandler(cache.execEventId, (_, { task, commandLine }) => {
      if (commandLine[0] !== nothing) return;
      execs.set(commandLine[1], { pid: task.pid, parent: task.parentPid, uid: task.creds?.uid, id: task.processId });
    });
    await cache.ready;
    await sleep(500);
    const before = process.cpuUsage();
    const { pid, rate: reached, started } = await runStorm();
    await sleep(200);
    const { user, system } = process.cpuUsage(before);
    await sleep(1000);
    let wrong = 0;
    for (const [child, nonce] of started) {
      const seen = execs.get(nonce);
      if (seen?.pid !== Number(child) || seen.parent !== pid || seen.uid !== 0) wrong++;
    }
    const { total } = await monitor.loss();
    return {
      rate: reached,
      wrong,
      ...counts,
      lost: Number(total.lost ?? 0n),
      cpuMicrosPerProgram: Number(((user + system) / count).toFixed(1)),
      ofThatUser: Number((user / count).toFixed(1)),
      truncated: cache.stats().truncatedExecs,
    };
  });
}

async function measureLookups() {
  return { tasks: 100_000, nanos: lookupNanos(fillTable(100_000)) };
}

function measureMemory() {
  // A process of its own, whose heap nothing else has been in.
  const program = fileURLToPath(new URL("process-cache/table.mjs", import.meta.url));
  return JSON.parse(execFileSync(process.execPath, ["--expose-gc", program], { encoding: "utf8" }));
}

/** Seconds until a cache that is opened on a host with 10,000 processes has taken them in. */
async function measureScan() {
  execFileSync("cc", ["-O2", "-o", join(folder, "many"), source("many.c")]);
  const many = spawn(join(folder, "many"), ["10000"], { stdio: ["pipe", "pipe", "inherit"] });
  try {
    await once(many.stdout, "data");
    const before = process.cpuUsage();
    const start = performance.now();
    return await withCache(async (_, cache) => {
      await cache.ready;
      const seconds = (performance.now() - start) / 1000;
      const { user, system } = process.cpuUsage(before);
      return { processes: cache.stats().living, seconds, cpuSeconds: (user + system) / 1e6 };
    });
  } finally {
    many.stdin.end();
    await once(many, "exit");
  }
}

/** Hands a cache to `body` whose records are being handed out, and gives all back. */
async function withCache(body) {
  const monitor = await EventMonitor.open();
  try {
    const cache = await ProcessInfoCache.open(monitor);
    const running = monitor.run();
    const result = await body(monitor, cache);
    await monitor.stop();
    await running;
    await cache.close();
    return result;
  } finally {
    await monitor.close();
  }
}
