import { test } from "uvu";
import * as assert from "uvu/assert";
import { decodeObject, decodeRaw } from "./field-decoder.js";
import { format, traceFormats } from "./testing/formats.js";
import { encodeRaw, type FieldValues } from "./testing/raw-encoder.js";
import { parseTraceFormat } from "./trace-format.js";

function roundTrip(fields: readonly string[], values: FieldValues): Record<string, unknown> {
  const parsed = parseTraceFormat(format("e", 7, fields));
  return { ...decodeObject(decodeRaw(parsed, encodeRaw(parsed, values))) };
}

test("integers of every width and signedness, aligned and not", () => {
  let offset = 8;
  const place = (type: string, size: number, signed: 0 | 1, skip = 0) => {
    offset += skip;
    const line = `${type} f${offset};	offset:${offset};	size:${size};	signed:${signed};`;
    offset += size;
    return line;
  };
  const fields = [
    place("s8", 1, 1),
    place("u8", 1, 0),
    place("s16", 2, 1),
    place("u16", 2, 0),
    place("s16", 2, 1, 1),
    place("u16", 2, 0),
    place("s32", 4, 1),
    place("u32", 4, 0),
    place("s64", 8, 1),
    place("u64", 8, 0),
    place("s32", 4, 1, 1),
    place("u32", 4, 0),
    place("s64", 8, 1, 4),
    place("u64", 8, 0),
  ];
  const names = parseTraceFormat(format("e", 7, fields)).fields.map(({ name }) => name);
  const values = [-1, 255, -2, 65_534, -3, 65_533, -4, 4_294_967_292, -5, 6, -7, 4_294_967_288, -9, 10];
  const expected = Object.fromEntries(names.map((name, index) => [name, values[index] ?? 0]));
  assert.equal(roundTrip(fields, expected), expected);
});

test("64 bits are a number where that is exact, else a bigint", () => {
  const fields = ["s64 s;	offset:8;	size:8;	signed:1;", "u64 u;	offset:16;	size:8;	signed:0;"];
  const safe = Number.MAX_SAFE_INTEGER;
  for (const [s, u] of [
    [2 ** 31 - 1, 2 ** 31 - 1],
    [2 ** 31, 2 ** 31],
    [-(2 ** 31), 2 ** 32 - 1],
    [-(2 ** 31) - 1, 2 ** 32],
    [-(2 ** 32), 2 ** 32 + 1],
    [safe, safe],
    [-safe, 0],
    [BigInt(safe) + 1n, BigInt(safe) + 1n],
    [-BigInt(safe) - 1n, 2n ** 64n - 1n],
    [-(2n ** 63n), 2n ** 63n],
  ] as const) {
    assert.equal(roundTrip(fields, { s, u }), { s, u });
  }
});

test("system call arguments have the width of their type", () => {
  const fields = [
    "int dfd;	offset:16;	size:8;	signed:0;",
    "const char * filename;	offset:24;	size:8;	signed:0;",
    "umode_t mode;	offset:32;	size:8;	signed:0;",
  ];
  const values = { dfd: 0xdead_beef_ffff_ff9cn, filename: 0x7fff_1234_5678n, mode: 0xffff_01a4n };
  assert.equal(roundTrip(fields, values), { dfd: -100, filename: 0x7fff_1234_5678, mode: 0o644 });
});

test("strings: fixed, dynamic both ways, several, to the end; UTF-8 and not", () => {
  const fields = [
    "char comm[16];	offset:8;	size:16;	signed:0;",
    "__data_loc char[] path;	offset:24;	size:4;	signed:0;",
    "__rel_loc char[] name;	offset:28;	size:4;	signed:0;",
    "__data_loc char[][2] argv;	offset:32;	size:8;	signed:0;",
    "char odd[5];	offset:41;	size:5;	signed:1;",
  ];
  const values = {
    comm: "0123456789abcdef",
    path: "/usr/lib/größe/€",
    name: "short",
    argv: ["one", "a second one that is longer than sixteen"],
    odd: "odd",
  };
  for (let round = 0; round < 2; round++) assert.equal(roundTrip(fields, values), values);
  const bytes = encodeRaw(parseTraceFormat(format("e", 7, fields)), { ...values, odd: "" });
  bytes.set([0x61, 0xff, 0x62, 0, 0x63], 41);
  assert.is(decodeRaw(parseTraceFormat(format("e", 7, fields)), bytes).odd, "a\udcffb");
});

test("arrays are copies", () => {
  const fields = [
    "unsigned long args[2];	offset:8;	size:16;	signed:0;",
    "__data_loc u32[] lengths;	offset:24;	size:4;	signed:0;",
    "s16 deltas[3];	offset:28;	size:6;	signed:1;",
    "struct foo blob;	offset:34;	size:3;	signed:0;",
  ];
  const values = { args: [1n, 2n ** 64n - 1n], lengths: [1, 2, 4_000_000_000], deltas: [-1, 0, 1], blob: [1, 2, 3] };
  assert.equal(roundTrip(fields, values), {
    args: BigUint64Array.from(values.args),
    lengths: Uint32Array.from(values.lengths),
    deltas: Int16Array.from(values.deltas),
    blob: Uint8Array.from(values.blob),
  });
});

test("what points out of the raw data, or is not there, reads as empty", () => {
  const fields = [
    "__data_loc char[] a;	offset:8;	size:4;	signed:0;",
    "__rel_loc u32[] b;	offset:12;	size:4;	signed:0;",
    "u64 c;	offset:16;	size:8;	signed:0;",
    "char d[];	offset:24;	size:0;	signed:0;",
  ];
  const parsed = parseTraceFormat(format("e", 7, fields));
  const raw = new Uint8Array(24).fill(0xff);
  assert.equal(decodeObject(decodeRaw(parsed, raw)), { a: "", b: new Uint32Array(), c: 2n ** 64n - 1n, d: "" });
  assert.equal(decodeObject(decodeRaw(parsed, raw.subarray(0, 17))), { a: "", b: new Uint32Array(), c: 255, d: "" });
  assert.equal(decodeObject(decodeRaw(parsed, new Uint8Array())), { a: "", b: new Uint32Array(), c: 0, d: "" });
});

test("names of fields cannot clash with those of objects", () => {
  const fields = ["int constructor;	offset:8;	size:4;	signed:1;", "int __proto__;	offset:12;	size:4;	signed:1;"];
  const parsed = parseTraceFormat(format("e", 7, fields));
  const data = decodeRaw(
    parsed,
    encodeRaw(
      parsed,
      Object.fromEntries([
        ["constructor", 5],
        ["__proto__", 6],
      ]),
    ),
  );
  assert.equal(Object.entries(decodeObject(data)), [
    ["constructor", 5],
    ["__proto__", 6],
  ]);
});

test("the common fields can be read", () => {
  const parsed = parseTraceFormat(traceFormats["task/task_rename"] ?? "");
  const data = decodeRaw(parsed, encodeRaw(parsed, { common_pid: 77, newcomm: "x" }));
  assert.is(data.common_pid, 77);
  assert.is(data.common_type, 204);
  assert.not.ok("common_pid" in decodeObject(data));
});

test("decodeObject refuses other objects", () => {
  assert.throws(() => decodeObject({ a: 1 }), /not the data of a trace event/);
});

test.run();
