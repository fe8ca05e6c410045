import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openInChromium } from "./chromium.js";
import { subscribe } from "./get-events.js";
import { endOf, type PlainResponse, subscribeByGrpcJs } from "./grpc-js-client.js";
import { transportsTo } from "./transports.js";

/** Where the service can be reached. */
export interface Places {
  readonly path: string;
  /** Of TCP on loopback. */
  readonly port: number;
  /** Port of the page whose origin may subscribe. */
  readonly pagePort: number;
}

/** What a client was told of execs. */
export interface Told {
  /** Codes of the statuses. */
  statuses?: readonly number[];
  readonly commandLines: string[][];
}

/** Subscribes to execs, and tells what comes until the signal fires. */
export type ScenarioClient = (places: Places, told: Told, signal: AbortSignal) => Promise<void>;

const json = { subscription: { eventFilter: { processEvents: [{ type: "PROCESS_EVENT_TYPE_EXEC" }] } } };
// biome-ignore lint/suspicious/noExplicitAny: JSON from the service
type Json = any;

const grpcJs: ScenarioClient = async ({ path }, told, signal) => {
  const stream = subscribeByGrpcJs(path, { event_filter: { process_events: [{ type: "PROCESS_EVENT_TYPE_EXEC" }] } });
  stream.on("data", ({ statuses, events }: PlainResponse) => {
    told.statuses ??= statuses.map(({ code }) => code);
    told.commandLines.push(...events.map(({ event }) => event.command_line));
  });
  signal.addEventListener("abort", () => stream.cancel());
  await endOf(stream);
};

const byTransport =
  (name: string): ScenarioClient =>
  async ({ path }, told, signal) => {
    const transport = transportsTo(path)[name];
    if (transport === undefined) throw new Error(`there is no ${name}`);
    try {
      for await (const { statuses, events } of subscribe(transport, [{ kind: "exec" }], {}, { signal })) {
        told.statuses ??= statuses.map(({ code }) => code);
        told.commandLines.push(...events.map(({ event }) => event?.commandLine ?? []));
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  };

const curlConnect: ScenarioClient = async (places, told, signal) => {
  const body = Buffer.from(`.....${JSON.stringify(json)}`);
  body.writeUInt8(0, 0);
  body.writeUInt32BE(body.length - 5, 1);
  const args = ["-H", "Content-Type: application/connect+json", "--data-binary", "@-"];
  let rest = Buffer.alloc(0);
  await curl(places, "/capsule8.api.v0.TelemetryService/GetEvents", args, body, signal, (chunk) => {
    rest = Buffer.concat([rest, chunk]);
    while (rest.length >= 5 && rest.length >= 5 + rest.readUInt32BE(1)) {
      const end = 5 + rest.readUInt32BE(1);
      const { statuses, events = [] }: Json = JSON.parse(rest.subarray(5, end).toString());
      told.statuses ??= statuses?.map(({ code = 0 }: Json) => code);
      told.commandLines.push(...events.map(({ event }: Json) => event.commandLine ?? []));
      rest = rest.subarray(end);
    }
  });
};

const curlLines: ScenarioClient = async (places, told, signal) => {
  let rest = "";
  await curl(places, "/v0/events", ["-d", JSON.stringify(json)], Buffer.alloc(0), signal, (chunk) => {
    const lines = (rest + chunk.toString()).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      const { statuses, commandLine = [] }: Json = JSON.parse(line);
      if (statuses === undefined) told.commandLines.push(commandLine);
      told.statuses ??= statuses?.map(({ code }: Json) => code);
    }
  });
};

async function curl(
  { path }: Places,
  target: string,
  args: readonly string[],
  body: Buffer,
  signal: AbortSignal,
  take: (chunk: Buffer) => void,
): Promise<void> {
  const child = spawn("/usr/bin/curl", ["-sSN", "--unix-socket", path, `http://localhost${target}`, ...args]);
  child.stdout.on("data", take);
  child.stdin.end(body);
  signal.addEventListener("abort", () => child.kill());
  await once(child, "close");
}

/** A page in a browser of another origin, which tells its own server what its `EventSource` is told. */
const eventSource: ScenarioClient = async ({ port, pagePort }, told, signal) => {
  const page = `<!doctype html><script>
    const tell = (what) => fetch("/told", { method: "POST", body: JSON.stringify(what) });
    const source = new EventSource("http://127.0.0.1:${port}/v0/events?select=exec");
    source.addEventListener("statuses", ({ data }) => tell(JSON.parse(data)));
    source.onmessage = ({ data, lastEventId }) => tell({ ...JSON.parse(data), lastEventId });
  </script>`;
  const server = createServer((request, response) => {
    if (request.method !== "POST") return response.setHeader("content-type", "text/html").end(page);
    let text = "";
    request.on("data", (chunk) => {
      text += chunk;
    });
    return request.on("end", () => {
      response.end();
      const { statuses, commandLine = [], id, lastEventId }: Json = JSON.parse(text);
      told.statuses ??= statuses?.map(({ code }: Json) => code);
      if (statuses === undefined && id === lastEventId) told.commandLines.push(commandLine);
    });
  }).listen(pagePort, "127.0.0.1");
  const profile = mkdtempSync(join(tmpdir(), "kernscope-browser-"));
  const browser = openInChromium(`http://127.0.0.1:${pagePort}/`, profile);
  signal.addEventListener("abort", () => process.kill(-(browser.pid as number), "SIGKILL"));
  await once(browser, "exit");
  server.closeAllConnections();
  server.close();
  rmSync(profile, { recursive: true, force: true, maxRetries: 10 });
};

/** Clients that share no code with the service, or speak what others do not. */
export const scenarioClients: Readonly<Record<string, ScenarioClient>> = {
  "@grpc/grpc-js": grpcJs,
  "a gRPC-Web client": byTransport("gRPC-Web over HTTP/1.1"),
  "a Connect client": byTransport("Connect over HTTP/1.1"),
  "curl, Connect's protocol": curlConnect,
  "curl, JSON lines": curlLines,
  "EventSource in Chromium": eventSource,
};
