import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { connect } from "node:net";
import { test } from "uvu";
import { times } from "../testing/full-counts.js";
import { getEventsPath, grpcHeaders, grpcRequest, sessionAt } from "../testing/grpc-request.js";
import { execEvent, type FakeSensor, until } from "../testing/index.js";
import { type Served, withService } from "../testing/with-service.js";

const COUNT = times(100, 1000);
/** After which all is to be given back. */
const SECONDS = 1;
const body = grpcRequest({ eventFilter: { processEvents: [{ type: 2 }] } });
const json = '{"subscription":{"eventFilter":{"processEvents":[{"type":2}]}}}';
const connectHead =
  `POST ${getEventsPath} HTTP/1.1\r\nHost: a\r\nContent-Type: application/connect+proto\r\n` +
  `Content-Length: ${body.length}\r\n\r\n`;
const text = "x".repeat(3000);

/** Each way subscribes, is blocked because it does not read, and goes away. */
const ways: Record<string, (path: string, blocked: () => Promise<void>) => Promise<void>> = {
  "RST_STREAM by gRPC": async (path, blocked) => {
    const session = sessionAt(path);
    const stream = session.request(grpcHeaders);
    stream.on("error", () => {});
    stream.end(body);
    stream.pause();
    await blocked();
    stream.close(8);
    session.close();
    await once(session, "close");
  },
  "a closed connection by gRPC": async (path, blocked) => {
    const session = sessionAt(path);
    const stream = session.request(grpcHeaders);
    stream.on("error", () => {});
    stream.end(body);
    stream.pause();
    await blocked();
    session.destroy();
  },
  "a closed connection by Connect over HTTP/1.1": async (path, blocked) => {
    const socket = connect(path).on("error", () => {});
    socket.write(connectHead);
    socket.write(body);
    await blocked();
    socket.destroy();
  },
  "FIN with JSON lines": async (path, blocked) => {
    const socket = connect(path).on("error", () => {});
    socket.write(`POST /v0/events HTTP/1.1\r\nHost: a\r\nContent-Length: ${json.length}\r\n\r\n${json}`);
    await blocked();
    socket.end();
    socket.destroySoon();
  },
};

test(
  `client gone while blocked: ${COUNT} that reset, end or close leave no subscription and no descriptor after a second`,
  withService(async ({ sensor, service, path }) => {
    const one = async (go: (typeof ways)[string]) => {
      await go(path, () => blocked(sensor, service));
      await until(() => service.streams === 0 && sensor.subscriptions.size === 0, "it is released", SECONDS);
    };
    for (const go of Object.values(ways)) await one(go);
    const before = await settledDescriptors();
    for (let i = 0; i < COUNT; i++) {
      const go = Object.values(ways)[i % Object.keys(ways).length];
      if (go !== undefined) await one(go);
    }
    await until(async () => (await settledDescriptors()) <= before, "all file descriptors are closed", SECONDS);
  }),
);

const KILLS = times(20, 250);

test(
  `client gone while blocked: ${KILLS} that are killed leave no subscription and no descriptor after a second`,
  withService(async ({ sensor, service, path }) => {
    const before = await settledDescriptors();
    for (let i = 0; i < KILLS; i++) {
      const client = spawn(process.execPath, ["-e", stalledClient, path, json], { stdio: "ignore" });
      await until(() => service.streams === 1, "it has subscribed");
      await blocked(sensor, service);
      client.kill("SIGKILL");
      await once(client, "close");
      await until(() => service.streams === 0 && sensor.subscriptions.size === 0, "it is released", SECONDS);
    }
    await until(async () => (await settledDescriptors()) <= before, "all file descriptors are closed", SECONDS);
  }),
);

const stalledClient = `
  const [path, body] = process.argv.slice(1);
  const socket = require("node:net").connect(path);
  socket.write("POST /v0/events HTTP/1.1\\r\\nHost: a\\r\\nContent-Length: " + body.length + "\\r\\n\\r\\n" + body);
  socket.pause();
  setInterval(() => {}, 1000);`;

/** Waits for a subscription, and until its client's buffers are full. */
async function blocked(sensor: FakeSensor, service: Served["service"]): Promise<void> {
  await until(() => service.streams === 1, "it has subscribed");
  for (let i = 0; i < 10; i++) {
    sensor.emit(...Array.from({ length: 40 }, (_, n) => execEvent(n, [text])));
    await new Promise(setImmediate);
  }
}

async function settledDescriptors(): Promise<number> {
  await new Promise((resolve) => setTimeout(resolve, 20));
  return readdirSync("/proc/self/fd").length;
}

test.run();
