import { spawn } from "node:child_process";
import { once } from "node:events";
import { setPriority } from "node:os";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { defaultLimits } from "../limits.js";
import { times } from "../testing/full-counts.js";
import { type PlainResponse, subscribeByGrpcJs } from "../testing/grpc-js-client.js";
import { getEventsPath, grpcRequest } from "../testing/grpc-request.js";
import { execEvent, until } from "../testing/index.js";
import { heldMemory } from "../testing/memory.js";
import { withService } from "../testing/with-service.js";

const SECONDS = times(3, 30);
const RATE = 10_000;
/** What one connection may reset at once: with more it is ended. */
const BURST = defaultLimits.resetsPerConnection;
/** So many are made, however long that takes where the machine is slow. */
const CONNECTIONS = (RATE * SECONDS) / BURST;

test(
  `HTTP/2 abuse: ${CONNECTIONS * BURST} streams that are reset, up to ${RATE} a second: events go on in time, and nothing is held`,
  withService(async ({ sensor, service, path, faults }) => {
    const stream = subscribeByGrpcJs(path, { event_filter: { process_events: [{ type: "PROCESS_EVENT_TYPE_EXEC" }] } });
    const emittedAt: number[] = [];
    let latencies: number[] = [];
    let received = 0;
    stream.on("data", ({ events }: PlainResponse) => {
      const now = performance.now();
      for (const { event } of events) latencies.push(now - (emittedAt[event.process_pid - 1000] ?? now));
      received += events.length;
    });
    stream.on("error", () => {});
    await until(() => service.streams === 1, "it has subscribed");
    let emitted = 0;
    const emitWhile = async (goesOn: () => boolean) => {
      latencies = [];
      while (goesOn()) {
        emittedAt[++emitted] = performance.now();
        sensor.emit(execEvent(emitted, ["a"]));
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      await until(() => received === emitted, "every event has come");
      return p99(latencies);
    };
    const quietEnd = performance.now() + (SECONDS * 1000) / 3;
    const quiet = await emitWhile(() => performance.now() < quietEnd);

    const before = (await heldMemory()).rss;
    const body = grpcRequest({ eventFilter: { processEvents: [{ type: 2 }] } }).toString("base64");
    const args = [path, headerBlock().toString("base64"), body, `${RATE}`, `${CONNECTIONS}`, `${BURST}`];
    const attacker = spawn(process.execPath, ["-e", attack, ...args], { stdio: ["ignore", "pipe", "inherit"] });
    // As if it had a machine of its own, and took no CPU from those who are attacked.
    setPriority(attacker.pid as number, 10);
    let told = "";
    attacker.stdout.on("data", (data) => {
      told += data;
    });
    let over = false;
    const ended = once(attacker, "close").then(() => {
      over = true;
    });
    const attacked = await emitWhile(() => !over);
    await ended;
    assert.is(Number(told), CONNECTIONS, "the service has read them all, or thrown the connection out");
    assert.ok(attacked < 5 * quiet + 250, `late by ${attacked} ms (p99), and by ${quiet} ms before`);
    await until(() => service.streams === 1 && sensor.subscriptions.size === 1, "only the first one is left");
    const grown = (await heldMemory()).rss - before;
    assert.ok(grown < 64 * 1024 * 1024, `${grown} bytes more`);
    assert.equal(faults, []);
    stream.cancel();
  }),
);

function p99(latencies: readonly number[]): number {
  return [...latencies].sort((a, b) => a - b)[Math.floor(latencies.length * 0.99)] ?? Number.NaN;
}

/**
 * Compressed headers of a call by gRPC that the other side need not remember. By hand, since a client's library keeps to
 * itself what it takes back before it was sent.
 */
function headerBlock(): Buffer {
  const text = (value: string) => Buffer.concat([Buffer.from([value.length]), Buffer.from(value)]);
  const fields = [[0x83, 0x86, 0x04], text(getEventsPath), [0x01], text("localhost"), [0x0f, 0x10], text(GRPC)];
  return Buffer.concat(fields.map((field) => Buffer.from(field)));
}

const GRPC = "application/grpc";

/** Connects again and again, and resets streams until it is thrown out, or is told that all were read. */
const attack = `
  const [path, block, body, rate, connections, burst] = process.argv.slice(1);
  const { connect } = require("node:net");
  const frame = (type, flags, stream, payload) => {
    const head = Buffer.alloc(9);
    head.writeUIntBE(payload.length, 0, 3);
    head.writeUInt8(type, 3);
    head.writeUInt8(flags, 4);
    head.writeUInt32BE(stream, 5);
    return Buffer.concat([head, payload]);
  };
  const headers = Buffer.from(block, "base64");
  const data = Buffer.from(body, "base64");
  const parts = [Buffer.from("PRI * HTTP/2.0\\r\\n\\r\\nSM\\r\\n\\r\\n"), frame(4, 0, 0, Buffer.alloc(0))];
  for (let i = 0; i < 2 * burst; i++) {
    const stream = 2 * i + 1;
    parts.push(frame(1, i % 2 ? 4 : 5, stream, headers));
    if (i % 2) parts.push(frame(0, 1, stream, data));
    parts.push(frame(3, 0, stream, Buffer.from([0, 0, 0, 8])));
  }
  const question = Buffer.from("all read");
  const bytes = Buffer.concat([...parts, frame(6, 0, 0, question)]);
  const started = Date.now();
  let begun = 0;
  let ended = 0;
  const next = () => {
    if (begun >= connections) return;
    if (begun * burst > ((Date.now() - started) / 1000) * rate) return setTimeout(next, 1);
    begun++;
    const socket = connect(path).on("error", () => {});
    let came = Buffer.alloc(0);
    socket.on("data", (chunk) => {
      came = Buffer.concat([came, chunk]);
      if (came.includes(question)) socket.destroy();
    });
    socket.write(bytes);
    socket.on("close", () => {
      if (++ended == connections) console.log(ended);
      next();
    });
  };
  for (let lane = 0; lane < 4; lane++) next();`;

test.run();
