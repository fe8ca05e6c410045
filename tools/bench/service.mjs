// What the service costs for each event that it sends to clients in a process of their own, and how late events come.
//
//   node tools/bench/service.mjs [--rate 0] [--seconds 4] [--clients 1] [--client grpc-js|http2|connect|json]
//
// The events are made here, as fast as clients take them, or `--rate` a second. For those of a real sensor see stream.mjs.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";

const root = fileURLToPath(new URL("../..", import.meta.url));
const home = join(root, "packages/telemetry-service");
const require = createRequire(join(home, "package.json"));
const load = (name) => import(pathToFileURL(join(home, "dist", name)).href);

const { values } = parseArgs({
  options: {
    rate: { type: "string", default: "0" },
    seconds: { type: "string", default: "4" },
    clients: { type: "string", default: "1" },
    client: { type: "string", default: "grpc-js" },
    connect: { type: "string" },
  },
});
const rate = Number(values.rate);
const seconds = Number(values.seconds);
const clients = Number(values.clients);
/** getppid(2), which nearly nobody calls. */
const GETPPID = process.arch === "arm64" ? 173 : 110;
const NANOS = 1_000_000_000n;

async function runService() {
  const { TelemetryService } = await load("index.js");
  const directory = mkdtempSync(join(tmpdir(), "kernscope-bench-"));
  const path = join(directory, "s.sock");
  const source = new MadeUp();
  const service = new TelemetryService(source, `unix:${path}`, { onFault: (error) => console.error(error) });
  await service.serve();
  const child = start(["--connect", path], ["ignore", "pipe", "inherit"]);
  const ended = once(child, "close");
  let output = "";
  child.stdout.on("data", (data) => {
    output += data;
  });
  while (service.streams < clients) await sleep(10);
  await sleep(300);
  const before = process.cpuUsage();
  const started = performance.now();
  const made = await source.run();
  const took = (performance.now() - started) / 1000;
  const { user, system } = process.cpuUsage(before);

  await service.stop();
  await ended;
  rmSync(directory, { recursive: true });
  const each = (micros) => (micros / made).toFixed(2);
  const cpu = `${each(user + system)} µs of CPU an event (${each(user)} user, ${each(system)} system)`;
  console.log(`${values.client} ×${clients}, ${Math.round(made / took)} events/s: ${cpu}`);
  for (const line of output.trimEnd().split("\n")) console.log(`  a client: ${line} of ${made}`);
}

function start(args, stdio) {
  return spawn(process.execPath, [import.meta.filename, ...process.argv.slice(2), ...args], { stdio });
}

function sleep(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** Runs `make` so often that `rate` a second come of it, or as often as `ready` lets it. */
async function pace(make, ready) {
  const started = performance.now();
  let made = 0;
  for (let now = started; now < started + seconds * 1000; now = performance.now()) {
    const due = rate === 0 ? made + 256 : Math.floor(((now - started) / 1000) * rate);
    if (due > made) make(due - made);
    made = Math.max(made, due);
    if (rate !== 0) await sleep(1);
    else
      do await new Promise(setImmediate);
      while (!ready());
  }
  return made;
}

/** Takes the place of a sensor. */
class MadeUp {
  id = "2c21d0971cdd4d8b";
  gaps = { nextSequenceNumber: () => ++this.#sequence, toEvent: () => ({}) };
  #sequence = 0;
  #subscriber;

  async newSubscription() {
    this.#subscriber = new Subscriber();
    return this.#subscriber;
  }

  metrics() {
    return { events: this.#sequence };
  }

  async run() {
    const subscriber = this.#subscriber;
    const make = (count) => {
      const unixTimeNanos = BigInt(Date.now()) * 1_000_000n;
      for (let i = 0; i < count; i++) subscriber.queue.push(event(++this.#sequence, unixTimeNanos));
      subscriber.wake?.();
    };
    const made = await pace(make, () => subscriber.queue.length < 16_384);
    subscriber.end();
    return made;
  }
}

class Subscriber {
  statuses = [{ code: 0, message: "" }];
  queue = [];
  #over = false;

  end() {
    this.#over = true;
    this.wake?.();
  }

  close() {
    this.end();
  }

  async *[Symbol.asyncIterator]() {
    while (true) {
      if (this.queue.length > 0) yield this.queue.splice(0, 1024);
      else if (this.#over) return;
      else
        await new Promise((resolve) => {
          this.wake = resolve;
        });
    }
  }
}

const context = {
  unixOrigin: 0n,
  processId: "62d6e022fde8-4242-786184",
  processPid: 4242,
  processTgid: 4242,
  processLineage: [4242, 4200, 1].map((pid) => ({ pid, command: "worker", executable: "/usr/local/bin/worker" })),
  sensorId: "2c21d0971cdd4d8b",
  credentials: { uid: 1000, gid: 1000, euid: 1000, egid: 1000, suid: 1000, sgid: 1000, fsuid: 1000, fsgid: 1000 },
  commandLine: ["/usr/local/bin/worker", "--all"],
  cgroupPath: "/system.slice/worker.service",
};

/** As a sensor makes them of system calls. */
function event(sequence, unixTimeNanos) {
  return {
    context,
    sensorSequenceNumber: sequence,
    // Unix time, since its origin is 1970 here.
    sensorMonotimeNanos: unixTimeNanos,
    unixTimeNanos,
    cpu: 1,
    event: { case: "syscall", value: { type: 1, id: GETPPID, arg0: 3, arg1: 0xffffff, arg2: 4096 } },
  };
}

const subscription = { syscall_events: [{ type: "SYSCALL_EVENT_TYPE_ENTER", id: { value: GETPPID } }] };

async function runClient(path) {
  const latencies = [];
  let received = 0;
  let lost = 0;
  const take = (batch, timeOf) => {
    const now = BigInt(Date.now()) * 1_000_000n;
    received += batch.length;
    const times = batch.map(timeOf).filter((time) => time > NANOS);
    for (const time of times) latencies.push(Number(now - time) / 1e6);
  };
  if (values.client === "grpc-js") {
    const { subscribeByGrpcJs, endOf } = await load("testing/grpc-js-client.js");
    const stream = subscribeByGrpcJs(path, { event_filter: subscription });
    stream.on("data", ({ events }) => {
      for (const { event: each } of events) if (each.lost) lost += Number(each.lost.lost);
      // Only some, since BigInts cost this client more than the rest.
      take(events, ({ event: each }, i) => (i % 16 === 0 ? BigInt(each.unix_time_nanos) : 0n));
    });
    const error = await endOf(stream);
    if (error !== undefined) throw error;
  } else if (values.client === "http2") {
    received = await countBytes(path);
  } else {
    const { createGrpcTransport } = require("@connectrpc/connect-node");
    const { subscribe } = await load("testing/get-events.js");
    const nodeOptions = { createConnection: () => connect(path) };
    const useBinaryFormat = values.client !== "json";
    const transport = createGrpcTransport({ baseUrl: "http://localhost", nodeOptions, useBinaryFormat });
    const selector = { kind: "syscall", with: { id: BigInt(GETPPID) } };
    for await (const { events } of subscribe(transport, [selector]))
      take(events, ({ event: each }) => each.unixTimeNanos);
  }
  latencies.sort((a, b) => a - b);
  const at = (share) => latencies[Math.floor(latencies.length * share)]?.toFixed(1);
  const late = latencies.length > 0 ? `, late by ${at(0.5)} ms (p50), ${at(0.99)} ms (p99)` : "";
  console.log(`${received} events${lost > 0 ? `, ${lost} lost` : ""}${late}`);
}

/** A client that does nothing but count bytes, with a window that never fills. */
async function countBytes(path) {
  const { connect: connectHttp2 } = require("node:http2");
  const { create, toBinary } = require("@bufbuild/protobuf");
  const api = await import(pathToFileURL(join(root, "packages/telemetry-api/dist/index.js")).href);
  const session = connectHttp2("http://localhost", {
    createConnection: () => connect(path),
    settings: { initialWindowSize: 4 * 1024 * 1024 },
  });
  session.on("connect", () => session.setLocalWindowSize(16 * 1024 * 1024));
  const selector = { kind: "syscall", with: { id: BigInt(GETPPID) } };
  const message = toBinary(
    api.GetEventsRequestSchema,
    create(api.GetEventsRequestSchema, { subscription: api.subscriptionFor([selector]) }),
  );
  const head = {
    ":method": "POST",
    ":path": "/capsule8.api.v0.TelemetryService/GetEvents",
    "content-type": "application/grpc",
  };
  const stream = session.request(head);
  const envelope = Buffer.alloc(5);
  envelope.writeUInt32BE(message.length, 1);
  stream.end(Buffer.concat([envelope, message]));
  let bytes = 0;
  stream.on("data", (chunk) => {
    bytes += chunk.length;
  });
  await once(stream, "end");
  session.close();
  return `${bytes} bytes instead of`;
}

if (values.connect !== undefined) await Promise.all(Array.from({ length: clients }, () => runClient(values.connect)));
else await runService();
