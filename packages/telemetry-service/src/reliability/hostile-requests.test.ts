import { gzipSync } from "node:zlib";
import { create, toBinary } from "@bufbuild/protobuf";
import { GetEventsRequestSchema, SubscriptionSchema } from "@kernscope/telemetry-api";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { times } from "../testing/full-counts.js";
import { enveloped, grpcHeaders, sessionAt, statusOf } from "../testing/grpc-request.js";
import { ask } from "../testing/http-client.js";
import { heldMemory } from "../testing/memory.js";
import { withService } from "../testing/with-service.js";

const CLAIMS = times(200, 1000);
const MUTATIONS = times(5000, 1_000_000);
/** Requests under way at a time. */
const LANES = 8;
const seed = Number(process.env.KERNSCOPE_SEED ?? 20240229);
const RESOURCE_EXHAUSTED = "8";

test(
  `${CLAIMS} tiny requests that claim a huge size, or unpack to one, are refused and hold nothing`,
  withService(async ({ path, faults }) => {
    const session = sessionAt(path);
    const claim = Buffer.from([0, 0xff, 0xff, 0xff, 0xff]);
    const bomb = enveloped(gzipSync(Buffer.alloc(64 * 1024 * 1024)), 1);
    const types = ["application/grpc", "application/grpc+json", "application/grpc-web+proto"];
    const send = async (count: number) => {
      for (let i = 0; i < count; i++) {
        const type = types[i % types.length];
        const more = { "content-type": type, ...(i % 2 === 1 && { "grpc-encoding": "gzip" }) };
        const status = await statusOf(session, i % 2 === 0 ? claim : bomb, more).catch((error) => String(error));
        // gRPC-Web has its status in the body.
        if (type !== "application/grpc-web+proto") assert.is(status, RESOURCE_EXHAUSTED, `${type} ${i % 2}`);
      }
    };
    await send(50);
    const before = await heldMemory();
    await send(CLAIMS);
    const after = await heldMemory();
    const grown = after.external + after.arrayBuffers - before.external - before.arrayBuffers;
    assert.ok(grown < 1024 * 1024, `${grown} bytes more outside the heap`);
    session.destroy();
    assert.equal(faults, []);
  }),
);

test(
  `${MUTATIONS} malformed requests in protobuf and JSON: none is the service's fault (seed ${seed})`,
  withService(
    async ({ sensor, path, faults }) => {
      const random = generator(seed);
      // A mutant that is still in order may have lost its limit and its duration.
      const ender = setInterval(() => {
        for (const subscription of sensor.subscriptions) subscription.end();
      }, 2);
      const codes = new Map<string, number>();
      let next = 0;
      // What is random is drawn in one go, so that the requests of a seed are the same in whatever order they are answered.
      const lane = async () => {
        let session = sessionAt(path);
        for (let i = next++; i < MUTATIONS; i = next++) {
          let status: string;
          if (i % 2 === 0) {
            const head = random(4) === 0 ? { "content-type": "application/connect+proto" } : {};
            const mutant = mutate(wire, random);
            const body = random(8) === 0 ? mutate(enveloped(mutant), random) : enveloped(mutant);
            if (session.closed || session.destroyed) session = sessionAt(path);
            status = await statusOf(session, body, head).catch((error) => `broken: ${error.message}`);
          } else {
            const answer = await ask({ socketPath: path, path: "/v0/events" }, mutate(json, random).toString());
            status = answer.status === 200 ? "0" : String(JSON.parse(await answer.end).code);
            answer.destroy();
          }
          codes.set(status, (codes.get(status) ?? 0) + 1);
        }
        session.destroy();
      };
      await Promise.all(Array.from({ length: LANES }, lane));
      clearInterval(ender);
      // Invalid, unserved, too long, and those that are still in order.
      for (const status of codes.keys()) assert.ok(["0", "3", "8", "12", "200"].includes(status), `status ${status}`);
      assert.ok((codes.get("3") ?? 0) > MUTATIONS / 10, JSON.stringify([...codes]));
      assert.equal(faults, []);
    },
    { limits: { resetsPerConnection: 1_000_000 } },
  ),
);

test(
  "expression bomb: requests that nest deeper than any condition needs are invalid, in every codec",
  withService(async ({ path, faults }) => {
    // Field 13 of Expression is an Expression: each level is a tag, a length and the level within.
    let expression = Buffer.alloc(0);
    while (expression.length < 60_000) {
      const head = [0x6a, ...varint(expression.length)];
      expression = Buffer.concat([Buffer.from(head), expression]);
    }
    const field = (tag: number[], content: Buffer) =>
      Buffer.concat([Buffer.from([...tag, ...varint(content.length)]), content]);
    // filter_expression is 100, process_events 2, event_filter 1, subscription 1.
    const filter = Buffer.concat([Buffer.from([0x08, 0x02]), field([0xa2, 0x06], expression)]);
    const request = field([0x0a], field([0x0a], field([0x12], filter)));
    const session = sessionAt(path);
    for (const type of [grpcHeaders["content-type"], "application/connect+proto"]) {
      const status = await statusOf(session, enveloped(request), { "content-type": type });
      assert.ok(status === "3" || type !== grpcHeaders["content-type"], `${type}: ${status}`);
    }
    session.destroy();
    assert.equal(faults, []);
  }),
);

const subscription = create(SubscriptionSchema, {
  eventFilter: {
    processEvents: [
      {
        type: 2,
        execFilenamePattern: "/bin/*",
        filterExpression: {
          type: 27,
          expr: { case: "unaryOp", value: { type: 1, expr: { case: "identifier", value: "filename" } } },
        },
      },
      { type: 3, exitCode: 7 },
    ],
    syscallEvents: [{ type: 1, id: 59n, arg0: 2n ** 63n }],
    kernelEvents: [{ type: 1, symbol: "do_exit", arguments: { code: "$arg1" } }],
    performanceEvents: [
      { events: [{ type: 3, config: 1n }], sampleRateType: 1, sampleRate: { case: "period", value: 9n } },
    ],
    tickerEvents: [{ interval: 1_000_000_000n }],
  },
  containerFilter: { ids: ["a"], imageNames: ["b/*"] },
  forDuration: 1n,
  modifier: { throttle: { interval: 1n, intervalType: 1 }, limit: { limit: 3n } },
});
const wire = Buffer.from(toBinary(GetEventsRequestSchema, create(GetEventsRequestSchema, { subscription })));
const json = Buffer.from(
  JSON.stringify({
    subscription: {
      eventFilter: {
        processEvents: [
          {
            type: "PROCESS_EVENT_TYPE_EXEC",
            filterExpression: { type: "IS_NULL", unaryOp: { type: "IDENTIFIER", identifier: "filename" } },
          },
        ],
        syscallEvents: [{ type: 1, id: "59", arg0: "9223372036854775808" }],
        tickerEvents: [{ interval: "1000000000" }],
      },
      containerFilter: { names: ["a"] },
      modifier: { throttle: { interval: "1", intervalType: "SECOND" }, limit: { limit: "3" } },
    },
  }),
);

/** Numbers from 0 to `below` - 1, the same for a seed. */
function generator(start: number): (below: number) => number {
  let state = start >>> 0;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** A copy with a few changes: bytes flipped, set, doubled, moved or left out. */
function mutate(bytes: Buffer, random: (below: number) => number): Buffer {
  let copy = Buffer.from(bytes);
  for (let changes = 1 + random(4); changes > 0 && copy.length > 0; changes--) {
    const at = random(copy.length);
    const end = Math.min(copy.length, at + 1 + random(12));
    const part = copy.subarray(at, end);
    switch (random(6)) {
      case 0:
        copy[at] = (copy[at] ?? 0) ^ (1 << random(8));
        break;
      case 1:
        copy[at] = random(256);
        break;
      case 2:
        copy = Buffer.concat([copy.subarray(0, end), part, copy.subarray(end)]);
        break;
      case 3:
        copy = Buffer.concat([copy.subarray(0, at), copy.subarray(end)]);
        break;
      case 4:
        copy = Buffer.concat([part, copy]);
        break;
      default:
        copy = copy.subarray(0, at);
    }
  }
  return copy;
}

function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 0x7f; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
  return [...bytes, rest];
}

test.run();
