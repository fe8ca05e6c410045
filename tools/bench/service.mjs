// What the service costs for each event that it sends: events made up here, through the real service and a UNIX socket,
// to clients in a process of their own.
//
//   node tools/bench/service.mjs [--events 400000] [--batch 256] [--clients 1] [--client grpc-js|connect|json]
import { spawn } from "node:child_process";
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
    events: { type: "string", default: "400000" },
    batch: { type: "string", default: "256" },
    clients: { type: "string", default: "1" },
    client: { type: "string", default: "grpc-js" },
    connect: { type: "string" },
  },
});
const total = Number(values.events);
const clients = Number(values.clients);

async function runService() {
  const { TelemetryService } = await load("index.js");
  const directory = mkdtempSync(join(tmpdir(), "kernscope-bench-"));
  const path = join(directory, "s.sock");
  const source = new Source();
  const service = new TelemetryService(source, `unix:${path}`, { onFault: (error) => console.error(error) });
  await service.serve();
  const child = spawn(process.execPath, [import.meta.filename, ...process.argv.slice(2), "--connect", path], {
    stdio: "inherit",
  });
  await source.done;
  const { user, system } = source.cost;
  await new Promise((resolve) => child.on("close", resolve));
  await service.stop();
  rmSync(directory, { recursive: true });
  const each = (micros) => (micros / total).toFixed(2);
  console.log(
    `${values.client} ×${clients}, batches of ${values.batch}: ${each(user + system)} µs of CPU an event ` +
      `(${each(user)} user, ${each(system)} system), ${Math.round(total / source.seconds)} events/s`,
  );
}

/** Takes the place of a sensor: as soon as all clients have subscribed, all of them get all events. */
class Source {
  #subscribers = [];
  #finish;
  #ended = 0;
  done = new Promise((resolve) => {
    this.#finish = resolve;
  });

  async newSubscription() {
    const subscriber = new Subscriber(() => {
      if (++this.#ended === clients) this.#stop();
    });
    this.#subscribers.push(subscriber);
    if (this.#subscribers.length === clients) setTimeout(() => this.#run(), 200);
    return subscriber;
  }

  async #run() {
    const started = process.hrtime.bigint();
    const before = process.cpuUsage();
    this.#stop = () => {
      this.cost = process.cpuUsage(before);
      this.seconds = Number(process.hrtime.bigint() - started) / 1e9;
      this.#finish();
    };
    for (let sequence = 1; sequence <= total; ) {
      const batch = [];
      while (batch.length < Number(values.batch) && sequence <= total) batch.push(event(sequence++));
      for (const subscriber of this.#subscribers) subscriber.queue.push(batch);
      for (const subscriber of this.#subscribers) subscriber.wake?.();
      while (this.#subscribers.some(({ queue }) => queue.length > 4)) await new Promise(setImmediate);
    }
    for (const subscriber of this.#subscribers) subscriber.end();
  }

  #stop = () => {};
}

class Subscriber {
  statuses = [{ code: 0, message: "" }];
  queue = [];
  #over = false;
  #onEnd;

  constructor(onEnd) {
    this.#onEnd = onEnd;
  }

  end() {
    this.#over = true;
    this.wake?.();
  }

  close() {
    this.end();
  }

  async *[Symbol.asyncIterator]() {
    while (true) {
      const batch = this.queue.shift();
      if (batch !== undefined) yield batch;
      else if (this.#over) return this.#onEnd();
      else
        await new Promise((resolve) => {
          this.wake = resolve;
        });
    }
  }
}

const lineage = [
  { pid: 4242, command: "true", processId: "62d6e022fde8-4242-786184", executable: "/bin/true" },
  { pid: 4200, command: "bash", processId: "62d6e022fde8-4200-786133", executable: "/bin/bash" },
];
const credentials = { uid: 1000, gid: 1000, euid: 1000, egid: 1000, suid: 1000, sgid: 1000, fsuid: 1000, fsgid: 1000 };
const commandLine = ["/bin/true", "--colour=always", "some/path/to/a/file.txt"];

function event(sequence) {
  return {
    id: `2c21d0971cdd4d8b-${sequence}`,
    processId: "62d6e022fde8-4242-786184",
    processPid: 4242,
    processTgid: 4242,
    containerId: "",
    sensorId: "2c21d0971cdd4d8b",
    sensorSequenceNumber: sequence,
    sensorMonotimeNanos: sequence * 1000,
    processLineage: lineage,
    cpu: 1,
    credentials,
    unixTimeNanos: 1795470640670902058n,
    commandLine,
    commandLineTruncated: false,
    cgroupPath: "/user.slice",
    event: { case: "process", value: { type: 2, execFilename: "/bin/true", execCommandLine: commandLine } },
  };
}

async function runClients(path) {
  await Promise.all(Array.from({ length: clients }, () => runClient(path)));
}

async function runClient(path) {
  let received = 0;
  if (values.client === "grpc-js") {
    const { subscribeByGrpcJs, endOf } = await load("testing/grpc-js-client.js");
    const stream = subscribeByGrpcJs(path, { event_filter: { process_events: [{ type: "PROCESS_EVENT_TYPE_EXEC" }] } });
    stream.on("data", ({ events }) => {
      received += events.length;
    });
    const error = await endOf(stream);
    if (error !== undefined) throw error;
  } else {
    const { createGrpcTransport } = require("@connectrpc/connect-node");
    const { subscribe } = await load("testing/get-events.js");
    const nodeOptions = { createConnection: () => connect(path) };
    const useBinaryFormat = values.client !== "json";
    const transport = createGrpcTransport({ baseUrl: "http://localhost", nodeOptions, useBinaryFormat });
    for await (const { events } of subscribe(transport, [{ kind: "exec" }])) received += events.length;
  }
  if (received !== total) throw new Error(`${received} of ${total} events`);
}

if (values.connect !== undefined) await runClients(values.connect);
else await runService();
