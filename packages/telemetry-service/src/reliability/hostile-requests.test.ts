import { gzipSync } from "node:zlib";
import { create, toBinary } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import { GetEventsRequestSchema, SubscriptionSchema } from "@kernscope/telemetry-api";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { times } from "../testing/full-counts.js";
import { enveloped, sessionAt } from "../testing/grpc-request.js";
import { ask } from "../testing/http-client.js";
import { heldMemory } from "../testing/memory.js";
import { type Draw, generator, mutateBytes, mutateJson, mutateWire } from "../testing/mutations.js";
import { codecs, outcomeOf } from "../testing/rpc-outcome.js";
import { withService } from "../testing/with-service.js";

const CLAIMS = times(240, 1000);
const MUTATIONS = times(6000, 1_000_000);
/** Requests under way at a time. */
const LANES = 8;
const seed = Number(process.env.KERNSCOPE_SEED ?? 20240229);
const MIB = 1024 * 1024;

test(
  `a tiny request claims a huge size; compression bomb: ${CLAIMS} in all codecs are refused, and hold nothing`,
  withService(async ({ path, faults }) => {
    const session = sessionAt(path);
    const claim = Buffer.from([0, 0xff, 0xff, 0xff, 0xff]);
    const bomb = enveloped(gzipSync(Buffer.alloc(64 * MIB)), 1);
    const lines = Buffer.alloc(65 * 1024, " ").toString();
    let most = 0;
    const send = async (count: number) => {
      for (let sent = 0; sent < count; ) {
        for (const [name, codec] of Object.entries(codecs)) {
          for (const body of [claim, bomb]) {
            assert.is(await outcomeOf(session, codec, body, body === bomb), "ResourceExhausted", name);
            most = Math.max(most, process.memoryUsage.rss());
            sent++;
          }
        }
        const answer = await ask({ socketPath: path, path: "/v0/events" }, lines);
        assert.is(JSON.parse(await answer.end).code, Code.ResourceExhausted);
      }
    };
    // What is compiled and pooled at first stays.
    await send(CLAIMS);
    const before = await heldMemory();
    most = 0;
    await send(CLAIMS);
    const after = await heldMemory();
    assert.ok(
      after.external - before.external < MIB,
      `${after.external - before.external} bytes more outside the heap`,
    );
    assert.ok(after.heapUsed - before.heapUsed < MIB, `${after.heapUsed - before.heapUsed} bytes more in the heap`);
    // One that is unpacked whole is as long as all that; V8 takes some for what it has not collected yet.
    assert.ok(most - before.rss < 32 * MIB, `${most - before.rss} bytes more in memory meanwhile`);
    session.destroy();
    assert.equal(faults, []);
  }),
);

/** Every way to send a request, and what it ends with. */
const doors = [...Object.keys(codecs), "JSON lines"];
/** Nothing was asked for that there is, it is not valid, too long, not served, or it is still in order. */
const allowed = new Set(["Ok", "InvalidArgument", "ResourceExhausted", "Unimplemented", "HTTP 415"]);

test(
  `malformed request: of ${MUTATIONS} structured mutations of valid ones, in every codec, none is the service's fault (seed ${seed})`,
  withService(
    async ({ sensor, path, faults }) => {
      const draw = generator(seed);
      // A mutant that is still in order may have lost its limit and its duration.
      const ender = setInterval(() => {
        for (const subscription of sensor.subscriptions) subscription.end();
      }, 2);
      const outcomes = new Map(doors.map((door) => [door, new Map<string, number>()]));
      let next = 0;
      // What is random is drawn in one go, so that the requests of a seed are the same in whatever order they are answered.
      const lane = async () => {
        let session = sessionAt(path);
        for (let i = next++; i < MUTATIONS; i = next++) {
          const door = doors[i % doors.length] as string;
          const codec = codecs[door];
          let outcome: string;
          let mutant: Buffer;
          if (codec === undefined) {
            mutant = draw(4) === 0 ? mutateBytes(json, draw) : Buffer.from(mutateJson(json.toString(), draw));
            outcome = await inLines(path, mutant.toString());
          } else {
            mutant = mutated(codec.json, draw);
            if (session.closed || session.destroyed) session = sessionAt(path);
            outcome = await outcomeOf(session, codec, mutant).catch((error) => `broken: ${error.message}`);
          }
          if (!allowed.has(outcome))
            throw new Error(`${outcome} by ${door}: ${mutant.toString("latin1").slice(0, 2000)}`);
          const counts = outcomes.get(door) as Map<string, number>;
          counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
        }
        session.destroy();
      };
      try {
        await Promise.all(Array.from({ length: LANES }, lane));
      } finally {
        clearInterval(ender);
      }
      for (const [door, counts] of outcomes) {
        const all = JSON.stringify([...counts]);
        assert.ok((counts.get("InvalidArgument") ?? 0) > MUTATIONS / doors.length / 10, `${door}: ${all}`);
        assert.ok((counts.get("Ok") ?? 0) > 0, `${door}: ${all}`);
      }
      assert.equal(faults, []);
    },
    { limits: { resetsPerConnection: 1_000_000 } },
  ),
);

/** A mutant of a valid request in its envelope; of a few the envelope is mutated, too. */
function mutated(inJson: boolean, draw: Draw): Buffer {
  const bytes = inJson ? json : wire;
  let mutant: Buffer = bytes;
  if (draw(4) === 0) mutant = mutateBytes(bytes, draw);
  else mutant = inJson ? Buffer.from(mutateJson(json.toString(), draw)) : mutateWire(wire, draw);
  return draw(8) === 0 ? mutateBytes(enveloped(mutant), draw) : enveloped(mutant);
}

/** What `POST /v0/events` is answered with; in order where it has a stream. */
async function inLines(path: string, body: string): Promise<string> {
  const answer = await ask({ socketPath: path, path: "/v0/events" }, body);
  if (answer.status !== 200) return Code[JSON.parse(await answer.end).code] ?? `HTTP ${answer.status}`;
  const error = JSON.parse((await answer.end).trimEnd().split("\n").at(-1) ?? "").error;
  return error === undefined ? "Ok" : (Code[error.code] ?? "no code");
}

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
    for (const [name, codec] of Object.entries(codecs)) {
      if (!codec.json) assert.is(await outcomeOf(session, codec, enveloped(request)), "InvalidArgument", name);
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

function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 0x7f; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
  return [...bytes, rest];
}

test.run();
