import { and, compare, type Expression, identifier, like, or, parse } from "@kernscope/expression";
import { FakeTracing } from "@kernscope/perf/testing";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { SensorError } from "./errors.js";
import { KernelSupport } from "./kernel-support.js";
import { planRequest } from "./plan-request.js";
import type { SubscriptionRequest } from "./subscription-request.js";

const kernel = await KernelSupport.open(new FakeTracing());
const plan = (request: SubscriptionRequest) => planRequest(request, kernel);
const execOf = (filename: string) => ({
  kind: "process.exec" as const,
  where: compare("filename", "string", "eq", filename),
});

const refusal = (request: SubscriptionRequest): Promise<SensorError> =>
  plan(request).then(
    () => assert.unreachable("it was accepted") as never,
    (error) => {
      assert.instance(error, SensorError);
      return error;
    },
  );

test("a request that is honoured whole has one status: OK", async () => {
  const planned = await plan({ filters: [{ kind: "process.exec" }, { kind: "process.exec" }], limit: 3, throttle: 7 });
  assert.equal(
    planned.sources.map((source) => source.plan.key),
    ["process.exec"],
  );
  assert.equal(planned.statuses, [{ code: 0, message: "" }]);
  assert.equal([planned.limit, planned.throttle, planned.duration], [3, 7, undefined]);
});

test("what cannot be honoured is a status, as long as something can", async () => {
  const { sources, statuses } = await plan({
    filters: [{ kind: "process.exit" }, { kind: "syscall.enter" }, { kind: "ticker", interval: 0 }],
    since: 5,
  });
  assert.equal(
    sources.map((source) => source.plan.key),
    ["process.exit"],
  );
  assert.equal(
    statuses.map(({ code }) => code),
    [3, 3, 12],
  );
  assert.match(statuses[0]!.message, /ticker.*interval is 0/);
  assert.match(statuses[1]!.message, /syscall\.enter.*every system call/);
  assert.match(statuses[2]!.message, "since");
});

test("a condition that does not name compat stays one on 64-bit calls beside one that does", async () => {
  const kind = "syscall.enter" as const;
  const idIs = (id: number) => compare("id", "int64", "eq", id);
  const { sources } = await plan({
    filters: [
      { kind, where: idIs(59) },
      { kind, where: and(idIs(11), compare("compat", "bool", "eq", true)) },
    ],
  });
  assert.is(sources.length, 1);
  const passes = (id: number, compat: boolean) => sources[0]!.predicate?.({ type: 1, id, compat });
  assert.equal([passes(59, false), passes(59, true), passes(11, true), passes(11, false)], [true, false, true, false]);
});

test("conditions of one kind are one source, and an event that passes several is delivered once", async () => {
  const { sources } = await plan({ filters: [execOf("/a"), execOf("/b")] });
  assert.is(sources.length, 1);
  const { predicate } = sources[0]!;
  const passes = (execFilename: string) => predicate?.({ type: 2, execFilename });
  assert.equal([passes("/a"), passes("/b"), passes("/c")], [true, true, false]);
  const all = await plan({ filters: [execOf("/a"), { kind: "process.exec" }] });
  assert.is(all.sources[0]!.predicate, undefined);
});

test("a condition that is refused takes no other one with it", async () => {
  const deep = (depth: number): Expression =>
    depth === 0 ? compare("filename", "string", "eq", "x") : { type: "not", operand: deep(depth - 1) };
  const { sources, statuses } = await plan({ filters: [execOf("/a"), { kind: "process.exec", where: deep(100) }] });
  assert.is(sources[0]!.predicate?.({ type: 2, execFilename: "/a" }), true);
  assert.equal(
    statuses.map(({ code }) => code),
    [3],
  );
});

test("conditions that are each as deep and as large as may be are joined all the same", async () => {
  const types = { filename: "string" } as const;
  const deepest = (text: string) => parse(`${"!".repeat(30)}(filename == "${text}")`, types);
  const widest = (text: string) =>
    parse(Array.from({ length: 250 }, (_, at) => `filename == "${text}${at}"`).join(" || "), types);
  const filters = [deepest("/a"), deepest("/b"), widest("/c"), widest("/d")].map((where) => ({
    kind: "process.exec" as const,
    where,
  }));
  const { sources, statuses } = await plan({ filters });
  assert.equal(statuses, [{ code: 0, message: "" }]);
  const passes = (execFilename: string) => sources.some(({ predicate }) => predicate!({ type: 2, execFilename }));
  assert.equal(["/a", "/b", "/c7", "/d249", "/e"].map(passes), [true, true, true, true, false]);
});

test("equal conditions have equal keys, others have not", async () => {
  const keyOf = async (filename: string) => (await plan({ filters: [execOf(filename)] })).sources[0]!.predicateKey;
  assert.is(await keyOf("/a"), await keyOf("/a"));
  assert.is.not(await keyOf("/a"), await keyOf("/b"));
});

test("conditions are checked: fields, types and sizes", async () => {
  const bad = [
    compare("name", "string", "eq", "x"),
    compare("filename", "int32", "eq", 3),
    like("filename", "x".repeat(300)),
    identifier("filename"),
    or(...(Array(2000).fill(compare("filename", "string", "eq", "x")) as [ReturnType<typeof compare>])),
  ];
  for (const where of bad) {
    const { code, message } = await refusal({ filters: [{ kind: "process.exec", where }] });
    assert.is(code, "invalid");
    assert.match(message, "process.exec");
  }
});

test("no filters, unknown kinds and bad numbers are refused", async () => {
  assert.is((await refusal({ filters: [] })).code, "invalid");
  const unknown = await refusal({ filters: [{ kind: "process.dance" as "process.exec" }] });
  assert.is(unknown.code, "invalid");
  assert.match(unknown.message, /process\.dance.*process\.exec/);
  for (const bad of [0, -1, 1.5, Number.NaN, 2 ** 60]) {
    const filters = [{ kind: "process.exec" as const }];
    assert.is((await refusal({ filters, limit: bad })).code, "invalid");
    assert.is((await refusal({ filters, duration: bad })).code, "invalid");
    assert.is((await refusal({ filters, throttle: bad })).code, "invalid");
    assert.is((await refusal({ filters, queue: { events: bad } })).code, "invalid");
  }
});

test.run();
