import { test } from "uvu";
import * as assert from "uvu/assert";
import { format, traceFormats } from "./testing/formats.js";
import { parseTraceFormat } from "./trace-format.js";

/** The one field of an event whose field line is given. */
function parseField(line: string) {
  const [field] = parseTraceFormat(format("e", 1, [line])).fields;
  if (field === undefined) throw new Error("no field");
  return field;
}

test("reads name, id, common fields and the event's own", () => {
  const exec = parseTraceFormat(traceFormats["sched/sched_process_exec"] ?? "");
  assert.is(exec.name, "sched_process_exec");
  assert.is(exec.id, 365);
  assert.equal(
    exec.common.map(({ name }) => name),
    ["common_type", "common_flags", "common_preempt_count", "common_pid"],
  );
  assert.equal(exec.fields[0], {
    name: "filename",
    type: "__data_loc char[]",
    offset: 8,
    size: 4,
    dynamic: "data_loc",
    kind: "string",
    elementSize: 1,
    count: 0,
    signed: false,
  });
  assert.is(exec.size, 20);
});

test("reads every well-known format", () => {
  for (const [name, text] of Object.entries(traceFormats)) {
    const parsed = parseTraceFormat(text);
    assert.is(parsed.name, name.replace(/^.*\//, "").replace(/@.*$/, ""));
    assert.ok(parsed.fields.length > 0, name);
  }
});

const cases: [line: string, expected: Record<string, unknown>][] = [
  ["char comm[16];	offset:8;	size:16;	signed:0;", { kind: "string", type: "char[16]", count: 16 }],
  ["char comm[16];	offset:8;	size:16;	signed:1;", { kind: "string", count: 16 }],
  ["u8 fsid[16];	offset:8;	size:16;	signed:0;", { kind: "array", elementSize: 1, count: 16, signed: false }],
  ["unsigned long args[6];	offset:16;	size:48;	signed:0;", { kind: "array", elementSize: 8, count: 6 }],
  ["long sysctl_mem[3];	offset:40;	size:24;	signed:1;", { kind: "array", elementSize: 8, signed: true }],
  ["unsigned long args[];	offset:24;	size:0;	signed:0;", { kind: "array", elementSize: 8, count: 0 }],
  ["struct pair x[4];	offset:8;	size:48;	signed:0;", { kind: "bytes", elementSize: 1, count: 48 }],
  ["struct timespec64 t;	offset:8;	size:16;	signed:0;", { kind: "bytes", count: 16 }],
  ["const char *const * argv;	offset:8;	size:8;	signed:0;", { kind: "pointer", type: "const char *const *" }],
  ["const void* ip;	offset:8;	size:8;	signed:0;", { kind: "pointer", name: "ip", type: "const void*" }],
  ["int dfd;	offset:16;	size:8;	signed:0;", { kind: "integer", size: 8, elementSize: 4, signed: true }],
  ["umode_t mode;	offset:16;	size:8;	signed:0;", { kind: "integer", elementSize: 2, signed: false }],
  ["enum xfs_group_type type;	offset:8;	size:1;	signed:0;", { kind: "integer", elementSize: 1 }],
  ["xfs_ino_t ino;	offset:8;	size:8;	signed:0;", { kind: "integer", elementSize: 8 }],
  ["bool group_dead;	offset:32;	size:1;	signed:0;", { kind: "integer", elementSize: 1, signed: false }],
  ["__data_loc u64[] addrs;	offset:8;	size:4;	signed:0;", { kind: "array", elementSize: 8, dynamic: "data_loc" }],
  ["__data_loc cpumask_t mask;	offset:8;	size:4;	signed:0;", { kind: "bytes", dynamic: "data_loc" }],
  ["__rel_loc char[] name;	offset:8;	size:4;	signed:0;", { kind: "string", dynamic: "rel_loc" }],
  ["__rel_loc char name[];	offset:8;	size:4;	signed:0;", { kind: "string", dynamic: "rel_loc" }],
  ["__data_loc char[][3] argv;	offset:8;	size:12;	signed:0;", { kind: "strings", count: 3, dynamic: "data_loc" }],
];

for (const [line, expected] of cases) {
  test(`field: ${line.split(";")[0]}`, () => {
    const field = parseField(line) as unknown as Record<string, unknown>;
    for (const [key, value] of Object.entries(expected)) assert.is(field[key], value, key);
  });
}

test("refuses what is not a format", () => {
  assert.throws(() => parseTraceFormat(""), /parseTraceFormat\(\): no name or no ID/);
  assert.throws(() => parseField("nonsense"), /parseTraceFormat\(e\): not a field/);
  assert.throws(() => parseField("int;	offset:8;	size:4;	signed:1;"), /not a field/);
});

test.run();
