// A process of so many clients with the same subscription, each with a connection of its own. At each message of its parent
// it says what they got since the last one.
import { connect as connectHttp2 } from "node:http2";
import { connect } from "node:net";
import { subscribeByGrpcJs } from "../../../packages/telemetry-service/dist/testing/grpc-js-client.js";
import { grpcHeaders, grpcRequest } from "../../../packages/telemetry-service/dist/testing/grpc-request.js";
import { EventCounts } from "./read-events.mjs";

const [kind, count, path, call, origin, every] = process.argv.slice(2);
const counts = Array.from({ length: Number(count) }, () => new EventCounts(Number(origin), Number(every)));
/** @type {Record<string, (counts: EventCounts) => void>} */
const kinds = { http2: byHttp2, "grpc-js": byGrpcJs, stalled: byStalled };

/** gRPC by hand, with windows that never fill. @param {EventCounts} counts */
function byHttp2(counts) {
  const stream = open(16 * 1024 * 1024);
  /** @type {Buffer[]} */
  let parts = [];
  let size = 0;
  stream.on("data", (/** @type {Buffer} */ chunk) => {
    parts.push(chunk);
    size += chunk.length;
    if (size < 5 || size < 5 + headOf(parts).readUInt32BE(1)) return;
    let rest = parts.length === 1 ? chunk : Buffer.concat(parts);
    while (rest.length >= 5 && rest.length >= 5 + rest.readUInt32BE(1)) {
      const end = 5 + rest.readUInt32BE(1);
      counts.take(rest.subarray(5, end));
      rest = rest.subarray(end);
    }
    parts = rest.length > 0 ? [rest] : [];
    size = rest.length;
  });
}

/** @param {Buffer[]} parts */
function headOf(parts) {
  return parts[0].length >= 5 ? parts[0] : Buffer.concat(parts);
}

/** Subscribes, and takes nothing. */
function byStalled() {
  open(64 * 1024).pause();
}

/** @param {number} window */
function open(window) {
  const session = connectHttp2("http://localhost", {
    createConnection: () => connect(path),
    settings: { initialWindowSize: window },
  });
  session.on("connect", () => session.setLocalWindowSize(window));
  session.on("error", () => {});
  const stream = session.request(grpcHeaders);
  stream.on("error", () => {});
  stream.end(grpcRequest({ eventFilter: { syscallEvents: [{ type: 1, id: BigInt(call) }] } }));
  return stream;
}

/** @param {EventCounts} counts */
function byGrpcJs(counts) {
  const stream = subscribeByGrpcJs(path, {
    event_filter: { syscall_events: [{ type: "SYSCALL_EVENT_TYPE_ENTER", id: { value: call } }] },
  });
  stream.on("data", ({ events }) => {
    const now = Number(process.hrtime.bigint()) - Number(origin);
    for (const { event } of events) {
      if (event.lost) counts.lost += Number(event.lost.lost);
      else if (counts.received++ % Number(every) === 0)
        counts.latencies.push(now - Number(event.sensor_monotime_nanos));
    }
  });
  stream.on("error", () => {});
}

for (const each of counts) kinds[kind](each);
process.on("message", () => {
  const latencies = counts.flatMap(({ latencies }) => latencies).sort((a, b) => a - b);
  const at = (/** @type {number} */ share) => (latencies[Math.floor(latencies.length * share)] ?? NaN) / 1e6;
  const sum = (/** @type {"received" | "lost" | "bytes"} */ what) => counts.reduce((all, each) => all + each[what], 0);
  process.send?.({
    received: sum("received"),
    lost: sum("lost"),
    bytes: sum("bytes") / Math.max(1, sum("received")),
    fields: [...(counts[0].fields ?? [])],
    p50: at(0.5),
    p99: at(0.99),
    most: at(0.9999),
  });
  for (const each of counts) Object.assign(each, { received: 0, lost: 0, bytes: 0, latencies: [] });
});
process.on("disconnect", () => process.exit());
