import { spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { times } from "../testing/full-counts.js";
import { type PlainResponse, subscribeByGrpcJs } from "../testing/grpc-js-client.js";
import { grpcHeaders, grpcRequest } from "../testing/grpc-request.js";
import { execEvent, until } from "../testing/index.js";
import { heldMemory } from "../testing/memory.js";
import { withService } from "../testing/with-service.js";

const SECONDS = times(3, 30);
const RATE = 10_000;

test(
  `${RATE} streams a second that are reset, for ${SECONDS} s: events go on, nothing is held`,
  withService(async ({ sensor, service, path, faults }) => {
    let received = 0;
    const stream = subscribeByGrpcJs(path, { event_filter: { process_events: [{ type: "PROCESS_EVENT_TYPE_EXEC" }] } });
    stream.on("data", ({ events }: PlainResponse) => {
      received += events.length;
    });
    stream.on("error", () => {});
    await until(() => service.streams === 1, "it has subscribed");
    const before = (await heldMemory()).rss;
    const body = grpcRequest({ eventFilter: { processEvents: [{ type: 2 }] } }).toString("base64");
    const attacker = spawn(process.execPath, ["-e", attack, path, JSON.stringify(grpcHeaders), body, `${SECONDS}`], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    let made = "";
    attacker.stdout.on("data", (data) => {
      made += data;
    });
    let over = false;
    const ended = once(attacker, "close").then(() => {
      over = true;
    });
    let emitted = 0;
    while (!over) {
      sensor.emit(execEvent(++emitted, ["a"]));
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    await ended;
    assert.ok(Number(made) > 100 * SECONDS, `${made} resets`);
    await until(() => received === emitted, "every event has come");
    await until(() => service.streams === 1 && sensor.subscriptions.size === 1, "only the first one is left");
    const grown = (await heldMemory()).rss - before;
    assert.ok(grown < 64 * 1024 * 1024, `${grown} bytes more`);
    assert.equal(faults, []);
    stream.cancel();
  }),
);

const attack = `
  const [path, head, body, seconds] = process.argv.slice(1);
  const http2 = require("node:http2");
  const connect = () => {
    const session = http2.connect("http://localhost", { createConnection: () => require("node:net").connect(path) });
    return session.on("error", () => {});
  };
  let session = connect();
  let made = 0;
  const started = Date.now();
  const tick = () => {
    const past = (Date.now() - started) / 1000;
    if (past > Number(seconds)) {
      console.log(made);
      process.exit();
    }
    for (let i = 0; i < 100 && made < past * ${RATE}; i++, made++) {
      if (session.closed || session.destroyed) session = connect();
      const stream = session.request(JSON.parse(head));
      stream.on("error", () => {});
      if (made % 2) stream.end(Buffer.from(body, "base64"));
      stream.close(8);
    }
    setImmediate(tick);
  };
  tick();`;

test.run();
