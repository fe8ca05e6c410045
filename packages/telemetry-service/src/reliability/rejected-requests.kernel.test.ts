import { inspect } from "node:util";
import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  type EventFilterSchema,
  type ExpressionSchema,
  Expression_ExpressionType as Type,
} from "@kernscope/telemetry-api";
import { requires } from "@kernscope/test-support";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { times } from "../testing/full-counts.js";
import { grpcRequest, sessionAt, statusOf } from "../testing/grpc-request.js";
import { slowness, until } from "../testing/index.js";
import { resourcesOf } from "../testing/kernel-resources.js";
import { withSensor } from "../testing/sensor-program.js";

const COUNT = times(slowness === 1 ? 600 : 60, 10_000);
const kernel = requires({ root: true, perf: true });

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

kernel(
  `rejected requests leak kernel resources: ${COUNT} of ${invalid.length} kinds leave no descriptor, no ring and no probe`,
  withSensor(async (path, { pid }) => {
    const session = sessionAt(path);
    const send = async (count: number) => {
      for (let i = 0; i < count; i++) {
        const eventFilter = invalid[i % invalid.length] ?? {};
        // A deadline, so that one which is not refused ends, too.
        const status = await statusOf(session, grpcRequest({ eventFilter }), { "grpc-timeout": "20S" });
        // INVALID_ARGUMENT, or FAILED_PRECONDITION or UNIMPLEMENTED where this host cannot serve the kind anyway.
        assert.ok(["3", "9", "12"].includes(status), `${inspect(eventFilter, { depth: 6 })}: ${status}`);
      }
    };
    await send(invalid.length);
    const before = resourcesOf(pid);
    await send(COUNT);
    await until(() => resourcesOf(pid).descriptors <= before.descriptors, "descriptors are as before");
    assert.equal(resourcesOf(pid), { ...before, descriptors: resourcesOf(pid).descriptors });
    session.destroy();
  }),
);

test.run();
