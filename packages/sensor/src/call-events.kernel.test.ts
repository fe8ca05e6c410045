import { basename, dirname } from "node:path";
import { and, compare, like } from "@kernscope/expression";
import { requires } from "@kernscope/test-support";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { FieldType, type FunctionCallPayload } from "./payload.js";
import { EventBed, valuesOf } from "./testing/event-bed.js";

const kernel = requires({ root: true, perf: true });
const probes = requires({ root: true, perf: true, kprobes: true });

const caller = `
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>
__attribute__((noinline)) long work(int number, const char *text, unsigned char small, unsigned long large) {
  __asm__ volatile("" ::: "memory");
  return number - (long)large;
}
int main(int argc, char **argv) {
  for (int i = 0; i < 3; i++) work(-i, "some text", 200 + i, 1UL << (62 + i % 2));
  open(argv[1], O_RDONLY | O_CLOEXEC);
  return 0;
}`;

/** Where the ABI puts the first arguments: user probes do not know them by their number. */
const [first, second, third, fourth] =
  process.arch === "x64" ? ["%di", "%si", "%dx", "%cx"] : ["%x0", "%x1", "%x2", "%x3"];
const signed = (fieldType: number, value: number | bigint) => ({ fieldType, value: { case: "signedValue", value } });
const unsigned = (fieldType: number, value: number | bigint) => ({
  fieldType,
  value: { case: "unsignedValue", value },
});
const text = (value: string) => ({ fieldType: FieldType.STRING, value: { case: "stringValue", value } });

kernel("user function calls: arguments of each type, results, conditions in the kernel", async () => {
  await using bed = await EventBed.open();
  const executable = bed.compile("caller", caller, "-O0");
  const target = { executable, symbol: "work" };
  const { events, done, stream } = await bed.gather({
    filters: [
      {
        kind: "user-call.enter",
        ...target,
        arguments: {
          number: `${first}:s32`,
          text: `+0(${second}):ustring`,
          small: `${third}:u8`,
          large: fourth!,
          bytes: `+0(${second}):u8[4]`,
        },
        where: and(compare("number", "int32", "lt", 0), like("text", "some*")),
      },
      { kind: "user-call.exit", ...target, arguments: { result: "$retval:s64" } },
    ],
  });
  assert.equal(stream.statuses, [{ code: 0, message: "" }]);
  const { pid } = bed.run(executable, "/ks-none");
  await bed.sensor.stop();
  await done;
  const calls = (valuesOf(events, pid, "userCall") as FunctionCallPayload[]).map((value) => ({ ...value.arguments }));
  const enter = (number: number, small: number, large: bigint) => ({
    number: signed(FieldType.SINT32, number),
    text: text("some text"),
    small: unsigned(FieldType.UINT8, small),
    large: unsigned(FieldType.UINT64, large),
    bytes: { fieldType: FieldType.BYTES, value: { case: "bytesValue", value: Uint8Array.from(Buffer.from("some")) } },
  });
  const exit = (result: bigint) => ({ result: signed(FieldType.SINT64, result) });
  assert.equal(calls, [
    exit(-(1n << 62n)),
    enter(-1, 201, 1n << 63n),
    exit(BigInt.asIntN(64, -1n - (1n << 63n))),
    enter(-2, 202, 1n << 62n),
    exit(-2n - (1n << 62n)),
  ]);
});

kernel("user function calls of a file in another root, and of the build that is meant only", async () => {
  await using bed = await EventBed.open();
  const program = bed.compile("caller", caller, "-O0", "-Wl,--build-id=0xaabbccdd");
  const target = {
    kind: "user-call.enter" as const,
    executable: `/${basename(program)}`,
    root: dirname(program),
    symbol: "work",
    arguments: {},
  };
  const { events, done, stream } = await bed.gather({ filters: [{ ...target, buildId: "AABBCCDD" }] });
  assert.equal(stream.statuses, [{ code: 0, message: "" }]);
  const another = await bed.sensor
    .newSubscription({ filters: [{ ...target, buildId: "aabbccde" }] })
    .catch((error) => error);
  assert.match(another.message, "build id");
  for (const wrong of [{ root: "here" }, { root: "/a\0b" }, { buildId: "abc" }, { buildId: "" }]) {
    const error = await bed.sensor.newSubscription({ filters: [{ ...target, ...wrong }] }).catch((error) => error);
    assert.is(error.code, "invalid");
  }
  const { pid } = bed.run(program, "/ks-none");
  await bed.sensor.stop();
  await done;
  assert.is(valuesOf(events, pid, "userCall").length, 3);
});

probes("kernel function calls: entry and return, with a condition", async () => {
  await using bed = await EventBed.open();
  const program = bed.compile("caller", caller);
  const { events, done, stream } = await bed.gather({
    filters: [
      {
        kind: "kernel-call.enter",
        symbol: "do_sys_openat2",
        arguments: { path: "+0($arg2):ustring", flags: "+0($arg3):u64", at: "$arg1:s32" },
        where: like("path", "/ks-none*"),
      },
      { kind: "kernel-call.exit", symbol: "do_sys_openat2", arguments: { result: "$retval:s32" } },
      { kind: "kernel-call.enter", symbol: "no_such_function" },
    ],
  });
  assert.equal(
    stream.statuses.map(({ code }) => code),
    [3],
  );
  assert.match(stream.statuses[0]!.message, "no_such_function");
  const { pid } = bed.run(program, "/ks-none-here");
  await bed.sensor.stop();
  await done;
  const calls = (valuesOf(events, pid, "kernelCall") as FunctionCallPayload[]).map((value) => value.arguments);
  const enters = calls.filter(({ path }) => path !== undefined).map((value) => ({ ...value }));
  assert.equal(enters, [
    { path: text("/ks-none-here"), flags: unsigned(FieldType.UINT64, 0o2100000), at: signed(FieldType.SINT32, -100) },
  ]);
  assert.equal({ ...calls.at(-1) }, { result: signed(FieldType.SINT32, -2) });
});

kernel("a probe that cannot be is a status, and without anything else the request's error", async () => {
  await using bed = await EventBed.open();
  const probe = { kind: "user-call.enter" as const, executable: "/bin/true", symbol: "no_such_function" };
  const stream = await bed.sensor.newSubscription({ filters: [{ kind: "process.exec" }, probe] });
  assert.is(stream.statuses.length, 1);
  assert.match(stream.statuses[0]!.message, "no_such_function");
  stream.close();
  const error = await bed.sensor.newSubscription({ filters: [probe] }).catch((caught) => caught);
  assert.match(error.message, "no_such_function");
  assert.equal([bed.sensor.metrics().subscriptions, bed.sensor.metrics().sources], [0, 0]);
});

probes(
  "what the kernel compares by: a char has no sign, a result 64 bits also of a function that returns 32",
  async () => {
    await using bed = await EventBed.open();
    const program = bed.compile("caller", caller);
    const { events, done, stream } = await bed.gather({
      filters: [
        {
          kind: "kernel-call.enter",
          symbol: "do_sys_openat2",
          arguments: { first: "+u0($arg2):char" },
          where: compare("first", "uint8", "ge", 128),
        },
        {
          kind: "kernel-call.exit",
          symbol: "vfs_open",
          arguments: { result: "$retval" },
          where: compare("result", "uint64", "eq", 0),
        },
      ],
    });
    // Linux 6.1 has no type of that name yet.
    const [status] = stream.statuses;
    if (status!.code !== 0) assert.match(status!.message, /^newSubscription\(kernel-call\.enter\).*Unknown type/);
    const { pid } = bed.run(program, "\u00e9");
    bed.run(program, "/dev/null");
    await bed.sensor.stop();
    await done;
    const calls = valuesOf(events, pid, "kernelCall") as FunctionCallPayload[];
    const named = calls.find((value) => value.arguments.first);
    assert.equal(named?.arguments.first, status!.code === 0 ? unsigned(FieldType.UINT8, 0xc3) : undefined);
    const opened = events.flatMap(({ event }) => (event.case === "kernelCall" && event.value.arguments.result) || []);
    assert.ok(opened.length > 0);
    for (const each of opened) assert.equal(each, unsigned(FieldType.UINT64, 0));
  },
);

test.run();
