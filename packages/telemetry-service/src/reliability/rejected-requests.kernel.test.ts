import { inspect } from "node:util";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { createClient } from "@connectrpc/connect";
import {
  type EventFilterSchema,
  type ExpressionSchema,
  TelemetryService,
  Expression_ExpressionType as Type,
} from "@kernscope/telemetry-api";
import { requires, unmetNeeds } from "@kernscope/test-support";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { times } from "../testing/full-counts.js";
import { grpcRequest, sessionAt, statusOf } from "../testing/grpc-request.js";
import { slowness, until } from "../testing/index.js";
import { resourcesOf } from "../testing/kernel-resources.js";
import { libraryCall } from "../testing/library-call.js";
import { withSensor } from "../testing/sensor-program.js";
import { transportsTo } from "../testing/transports.js";

const COUNT = times(slowness === 1 ? 600 : 64, 10_000);
const kernel = requires({ root: true, perf: true });
const kprobes = unmetNeeds({ kprobes: true }).length === 0;

type Expression = MessageInitShape<typeof ExpressionSchema>;
type Filters = MessageInitShape<typeof EventFilterSchema>;

const field = (name: string): Expression => ({ type: Type.IDENTIFIER, expr: { case: "identifier", value: name } });
const number = (value: bigint): Expression => ({
  type: Type.VALUE,
  expr: { case: "value", value: { type: 5, value: { case: "signedValue", value } } },
});
const equal = (lhs: Expression, rhs: Expression): Expression => ({
  type: Type.EQ,
  expr: { case: "binaryOp", value: { lhs, rhs } },
});
const not = (operand: Expression): Expression => ({
  type: Type.LOGICAL_NOT,
  expr: { case: "unaryOp", value: operand },
});
const deep = Array.from({ length: 40 }).reduce<Expression>((inner) => not(inner), equal(field("id"), number(1n)));
const perf = { events: [{ type: 3, config: 0n }], sampleRateType: 1 };
const period = { case: "period", value: 1n } as const;

/** Each is refused, for a reason of its own. */
const invalid: readonly Filters[] = [
  {},
  { processEvents: [{}] },
  { processEvents: [{ type: 99 as never }] },
  { processEvents: [{ type: 2, filterExpression: {} }] },
  { processEvents: [{ type: 2, filterExpression: field("nothing") }] },
  { processEvents: [{ type: 2, filterExpression: equal(field("filename"), number(1n)) }] },
  { processEvents: [{ type: 2, exitCode: 1 }] },
  { processEvents: [{ type: 1, execFilename: "a" }] },
  { processEvents: [{ type: 2, execFilename: "a\0b" }] },
  { syscallEvents: [{ type: 1 }] },
  { syscallEvents: [{ type: 1, arg0: 1n }] },
  { syscallEvents: [{ type: 2, id: 1n, arg0: 1n }] },
  { syscallEvents: [{ type: 1, id: 1n, ret: 1n }] },
  { syscallEvents: [{ type: 1, filterExpression: deep }] },
  { syscallEvents: [{ type: 1, filterExpression: equal(number(1n), number(1n)) }] },
  { syscallEvents: [{ type: 1, filterExpression: not(equal(field("id"), number(1n))) }] },
  { kernelEvents: [{ type: 1 }] },
  { kernelEvents: [{ type: 1, symbol: "no such\nsymbol" }] },
  { kernelEvents: [{ type: 1, symbol: "do_exit", arguments: { "a b": "%di" } }] },
  { kernelEvents: [{ type: 1, symbol: "do_exit", arguments: { a: "; rm" } }] },
  { userEvents: [{ type: 1, executable: "relative", symbol: "main" }] },
  { userEvents: [{ type: 1, executable: "/no/such/file", symbol: "main" }] },
  { userEvents: [{ type: 1, executable: "/bin/sh", symbol: "" }] },
  { performanceEvents: [{}] },
  { performanceEvents: [{ ...perf, events: [{}], sampleRate: period }] },
  { performanceEvents: [{ ...perf, sampleRateType: 2, sampleRate: period }] },
  { performanceEvents: [{ ...perf, sampleRate: { case: "period", value: 0n } }] },
  { tickerEvents: [{ interval: 0n }] },
  { tickerEvents: [{ interval: -5n }] },
  { chargenEvents: [{ length: 0n }] },
  { chargenEvents: [{ length: 2n ** 63n }] },
];

/** INVALID_ARGUMENT, or FAILED_PRECONDITION for a file that this host has not. */
function codeOf(eventFilter: Filters): "3" | "9" {
  return eventFilter.userEvents?.[0]?.executable === "/no/such/file" ? "9" : "3";
}

kernel(
  `rejected requests leak kernel resources: ${COUNT} of ${invalid.length} kinds leave no descriptor, no ring and no probe`,
  withSensor(async (path, { pid }) => {
    const session = sessionAt(path);
    const send = async (count: number) => {
      for (let i = 0; i < count; i++) {
        const eventFilter = invalid[i % invalid.length] ?? {};
        // A deadline, so that one which is not refused ends, too.
        const status = await statusOf(session, grpcRequest({ eventFilter }), { "grpc-timeout": "20S" });
        assert.is(status, codeOf(eventFilter), inspect(eventFilter, { depth: 6 }));
      }
    };
    await send(invalid.length);
    const before = await resourcesOf(pid);
    await send(COUNT);
    await until(async () => (await resourcesOf(pid)).descriptors <= before.descriptors, "descriptors are as before");
    const { rings, probes } = await resourcesOf(pid);
    assert.equal({ rings, probes }, { rings: before.rings, probes: before.probes });
    session.destroy();
  }),
);

kernel(
  "rejected requests leak kernel resources: what is refused beside something that is served leaves nothing, and the rest goes with it",
  withSensor(async (path, { pid }) => {
    const served = {
      userEvents: [{ type: 1, ...libraryCall() }],
      kernelEvents: kprobes ? [{ type: 1, symbol: "do_exit", arguments: { code: "%di" } }] : [],
    };
    const transport = transportsTo(path)["gRPC over HTTP/2"];
    assert.ok(transport);
    const client = createClient(TelemetryService, transport);
    const probes = async () => (await resourcesOf(pid)).probes.length;
    const none = await probes();
    const send = async (refused: Filters) => {
      const eventFilter = {
        ...refused,
        userEvents: [...served.userEvents, ...(refused.userEvents ?? [])],
        kernelEvents: [...served.kernelEvents, ...(refused.kernelEvents ?? [])],
      } as Filters;
      const gone = new AbortController();
      const stream = client.getEvents({ subscription: { eventFilter } }, { signal: gone.signal });
      const { value: first } = await stream[Symbol.asyncIterator]().next();
      const codes = first?.statuses.map(({ code }: { code: number }) => `${code}`);
      assert.equal(codes, [codeOf(refused)], inspect(refused, { depth: 6 }));
      assert.is(await probes(), none + (kprobes ? 2 : 1), "what is served has its probes");
      gone.abort();
      await until(async () => (await probes()) === none, "its probes are gone");
    };
    const [first, ...others] = invalid.filter((filters) => Object.keys(filters).length > 0);
    // The connection stays.
    await send(first as Filters);
    const before = await resourcesOf(pid);
    // An emulated CPU takes seconds to remove a probe; what is refused, and how, is the same there.
    for (const refused of slowness === 1 ? others : others.filter((_, at) => at % 6 === 0)) await send(refused);
    await until(async () => (await resourcesOf(pid)).descriptors <= before.descriptors, "all descriptors are closed");
    assert.is((await resourcesOf(pid)).rings, before.rings);
  }),
);

test.run();
