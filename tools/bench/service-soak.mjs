// The real kernscope-sensor and a grpc-js client through an hour of system calls at 20,000 a second: prints, for every
// interval, memory, descriptors, CPU and lateness, and at the end what each grew by in an hour.
//
//   node tools/bench/service-soak.mjs [--rate 20000] [--seconds 3600] [--interval 60]
//
// Exit status 1 where an event is neither told nor in a gap; and, when it went on for half an hour at least, where something
// grew by more than `most`, beyond what the scatter of its figures explains. What is warming still grows for minutes.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";

const testing = fileURLToPath(new URL("../../packages/telemetry-service/dist/testing/", import.meta.url));
const { subscribeByGrpcJs } = await import(pathToFileURL(join(testing, "grpc-js-client.js")).href);
const { startSensor } = await import(pathToFileURL(join(testing, "sensor-program.js")).href);

const { values } = parseArgs({
  options: {
    rate: { type: "string", default: "20000" },
    seconds: { type: "string", default: "3600" },
    interval: { type: "string", default: "60" },
    flood: { type: "boolean", default: false },
  },
});
const rate = Number(values.rate);
const seconds = Number(values.seconds);
const interval = Number(values.interval);
/** getppid(2), which nearly nobody calls. */
const GETPPID = process.arch === "arm64" ? 173 : 110;
/** One event of so many has its lateness taken, since BigInts cost this client more than the rest. */
const SAMPLED = 64;

/** Makes the calls, from when something comes on standard input, and prints how many they were. */
async function flood() {
  await once(process.stdin, "data");
  const started = performance.now();
  let made = 0;
  let parents = 0;
  for (let past = 0; past < seconds; past = (performance.now() - started) / 1000) {
    for (const due = past * rate; made < due; made++) parents += process.ppid;
    await sleep(1);
  }
  if (parents > 0) console.log(made);
  process.exit();
}

async function soak() {
  const directory = mkdtempSync(join(tmpdir(), "kernscope-bench-"));
  const path = join(directory, "s.sock");
  const sensor = await startSensor(path);
  const child = spawn(process.execPath, [import.meta.filename, ...process.argv.slice(2), "--flood"], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  let made = "";
  child.stdout.on("data", (data) => {
    made += data;
  });
  const client = new Client(path, child.pid);
  await client.subscribed;
  const rows = [];
  let cpu = cpuSeconds(sensor.pid);
  const take = () => {
    const now = cpuSeconds(sensor.pid);
    const row = { ...client.take(), cpu: (now - cpu) / interval, ...resources(sensor.pid) };
    cpu = now;
    rows.push(row);
    const figures = `${row.events} events, ${row.lost} lost, late ${row.p50.toFixed(1)} ms (p50), ${row.p99.toFixed(1)} ms (p99)`;
    const own = `CPU ${(row.cpu * 100).toFixed(1)} %, RSS ${row.rss.toFixed(1)} MiB, ${row.descriptors} fds, ${row.threads} threads`;
    console.log(`${rows.length * interval} s: ${figures}, ${own}`);
  };
  const timer = setInterval(take, interval * 1000);
  child.stdin.write("go");
  await once(child, "close");
  clearInterval(timer);
  await sleep(1000);
  client.close();
  await sensor.kill("SIGTERM");
  rmSync(directory, { recursive: true });

  const told = client.received + client.lost;
  console.log(`${made.trim()} made = ${client.received} delivered + ${client.lost} lost`);
  // The first fifth warms caches and compilers.
  const warm = rows.slice(Math.ceil(rows.length / 5));
  for (const [name, { unit, most }] of Object.entries(figures)) {
    const { slope, error } = trend(warm.map((row) => row[name]));
    const grows = seconds >= LONG && slope - SURE * error > most;
    const verdict = grows ? ` – more than ${most}` : "";
    console.log(`${name}: ${slope.toFixed(3)} ± ${(SURE * error).toFixed(3)} ${unit} an hour${verdict}`);
    if (grows) process.exitCode = 1;
  }
  // A gap also holds the calls of other processes.
  if (told < Number(made) || (client.lost === 0 && told > Number(made))) process.exitCode = 1;
}

/** What is taken at each interval, and by how much it may grow in an hour: what no leak that matters stays below. */
const figures = {
  rss: { unit: "MiB", most: 32 },
  descriptors: { unit: "", most: 0 },
  threads: { unit: "", most: 0 },
  p50: { unit: "ms", most: 2 },
  p99: { unit: "ms", most: 5 },
  cpu: { unit: "cores", most: 0.1 },
};
/** Seconds of a run that can be judged. */
const LONG = 1800;
/** Standard errors by which a slope lies above its bound only once in hundreds of runs. */
const SURE = 3;

class Client {
  received = 0;
  lost = 0;
  #taken = { received: 0, lost: 0 };
  #latencies = [];
  #stream;

  constructor(path, pid) {
    this.#stream = subscribeByGrpcJs(path, {
      event_filter: { syscall_events: [{ type: "SYSCALL_EVENT_TYPE_ENTER", id: { value: GETPPID } }] },
    });
    this.#stream.on("error", () => {});
    this.#stream.on("data", ({ events }) => {
      const now = Date.now();
      for (const { event } of events) {
        if (event.event === "lost") this.lost += Number(event.lost.lost);
        else if (event.process_tgid === pid && this.received++ % SAMPLED === 0)
          this.#latencies.push(now - Number(BigInt(event.unix_time_nanos) / 1000n) / 1000);
      }
    });
    this.subscribed = once(this.#stream, "data");
  }

  /** What came since the last call. */
  take() {
    const sorted = this.#latencies.sort((a, b) => a - b);
    this.#latencies = [];
    const at = (share) => sorted[Math.floor(sorted.length * share)] ?? 0;
    const row = {
      events: this.received - this.#taken.received,
      lost: this.lost - this.#taken.lost,
      p50: at(0.5),
      p99: at(0.99),
    };
    this.#taken = { received: this.received, lost: this.lost };
    return row;
  }

  close() {
    this.#stream.cancel();
  }
}

function resources(pid) {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const number = (name) => Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(status)?.[1]);
  return {
    rss: number("VmRSS") / 1024,
    threads: number("Threads"),
    descriptors: readdirSync(`/proc/${pid}/fd`).length,
  };
}

function cpuSeconds(pid) {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  // proc(5): utime and stime, in ticks of 10 ms.
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

/** The slope by least squares and its standard error, in units an hour. */
function trend(values) {
  const middle = (values.length - 1) / 2;
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  const covariance = values.reduce((sum, value, i) => sum + (i - middle) * (value - mean), 0);
  const variance = values.reduce((sum, _, i) => sum + (i - middle) ** 2, 0);
  if (values.length < 3) return { slope: 0, error: 0 };
  const slope = covariance / variance;
  const scatter = values.reduce((sum, value, i) => sum + (value - mean - slope * (i - middle)) ** 2, 0);
  const error = Math.sqrt(scatter / (values.length - 2) / variance);
  return { slope: slope * (3600 / interval), error: error * (3600 / interval) };
}

function sleep(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

if (values.flood) await flood();
else await soak();
