import { spawn } from "node:child_process";
import { once } from "node:events";
import { requires, unmetNeeds } from "@kernscope/test-support";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { times } from "../testing/full-counts.js";
import { grpcHeaders, grpcRequest, sessionAt } from "../testing/grpc-request.js";
import { figureOf } from "../testing/http-client.js";
import { slowness, until } from "../testing/index.js";
import { probesOf, resourcesOf } from "../testing/kernel-resources.js";
import { libraryCall } from "../testing/library-call.js";
import { withSensor } from "../testing/sensor-program.js";

const COUNT = times(slowness === 1 ? 12 : 2, 300);
/** After which all is to be given back: one, where nothing else keeps the machine busy. */
const SECONDS = 15;
const kernel = requires({ root: true, perf: true, uprobes: true });
const kprobes = unmetNeeds({ kprobes: true }).length === 0;

/** Probes, and events that are long: a client that does not read is blocked by the second of them. */
const eventFilter = {
  userEvents: [{ type: 1, ...libraryCall() }],
  kernelEvents: kprobes ? [{ type: 1, symbol: "do_exit" }] : [],
  chargenEvents: [{ length: 65_536n }],
};
const PROBES = kprobes ? 2 : 1;
const body = grpcRequest({ eventFilter });

/** Each subscribes, does not read, and goes away when it is told to. */
const ways: readonly ((path: string, blocked: () => Promise<void>) => Promise<void>)[] = [
  async (path, blocked) => {
    const session = sessionAt(path);
    const stream = subscribe(session);
    await blocked();
    stream.close(8);
    session.close();
    await once(session, "close");
  },
  async (path, blocked) => {
    const session = sessionAt(path);
    subscribe(session);
    await blocked();
    session.destroy();
  },
  async (path, blocked) => {
    const client = spawn(process.execPath, [
      "-e",
      stalledClient,
      path,
      JSON.stringify(grpcHeaders),
      body.toString("base64"),
    ]);
    await blocked();
    client.kill("SIGKILL");
    await once(client, "close");
  },
];

function subscribe(session: ReturnType<typeof sessionAt>) {
  const stream = session.request(grpcHeaders);
  stream.on("error", () => {});
  stream.end(body);
  stream.pause();
  return stream;
}

kernel(
  `client gone while blocked: ${COUNT} that reset, close or are killed leave no subscription, descriptor or probe`,
  withSensor(async (path, { pid }) => {
    const figure = (name: string) => figureOf(path, name);
    const before = (await probesOf(pid)).length;
    const one = async (i: number) => {
      await ways[i % ways.length]?.(path, async () => {
        await until(async () => (await figure("queued_bytes")) > 2 * 65_536, "it is blocked");
        assert.is((await probesOf(pid)).length, before + PROBES, "it has its probes");
      });
      await until(
        async () => (await figure("streams")) + (await figure("sensor_sources")) === 0,
        "it is gone",
        SECONDS,
      );
      await until(async () => (await probesOf(pid)).length === before, "its probes are gone", SECONDS);
    };
    for (let i = 0; i < ways.length; i++) await one(i);
    const { descriptors, rings } = await resourcesOf(pid);
    for (let i = 0; i < COUNT; i++) await one(i);
    await until(async () => (await resourcesOf(pid)).descriptors <= descriptors, "all are closed", SECONDS);
    assert.is((await resourcesOf(pid)).rings, rings);
  }),
);

const stalledClient = `
  const [path, head, body] = process.argv.slice(1);
  const { connect } = require("node:net");
  const session = require("node:http2").connect("http://localhost", { createConnection: () => connect(path) });
  const stream = session.request(JSON.parse(head));
  stream.pause();
  stream.end(Buffer.from(body, "base64"));
  setInterval(() => {}, 1000);`;

test.run();
