import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { requires } from "@kernscope/test-support";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { Btf } from "./btf.js";
import { fetchMember } from "./btf-fetch.js";
import type { PerfError } from "./errors.js";
import { Random } from "./testing/random.js";

const declarations = `
typedef unsigned int u32t;
typedef struct inner { char tag; short pair[3]; } inner_t;
enum color { RED = 3, GREEN, BLUE = 0x7fffffff };
struct outer {
  u32t first;
  union { long wide; struct { int low; int high; }; };
  const volatile struct inner list[4];
  struct { unsigned a : 3; int b : 7; unsigned long c : 33; } bits;
  struct outer *next;
  enum color color;
  int (*call)(int number, const char *text, ...);
  double real;
  const char *name;
  char label[16];
  inner_t spare;
  unsigned char octets[6];
  char tail[];
} outer;
int call(struct outer *outer, u32t number) { return outer->first + number; }
`;

/** Offsets and sizes as the compiler sees them. */
const members = {
  first: "first",
  wide: "wide",
  high: "high",
  "list[2].pair[1]": "list[2].pair[1]",
  next: "next",
  color: "color",
  call: "call",
  real: "real",
  label: "label",
  "label[3]": "label[3]",
  "spare.pair": "spare.pair",
  octets: "octets",
};

/** The compiler's own BTF, and what its program says of the same types. */
function compile(): { bytes: Buffer; truth: string } {
  const folder = mkdtempSync(join(tmpdir(), "kernscope-btf-"));
  try {
    const [source, object, blob, program] = ["x.c", "x.o", "x.btf", "x"].map((name) => join(folder, name)) as [
      string,
      string,
      string,
      string,
    ];
    const cc = process.env.CC ?? "cc";
    writeFileSync(source, declarations);
    execFileSync(cc, ["-gbtf", "-c", source, "-o", object]);
    execFileSync("objcopy", ["-O", "binary", "--only-section=.BTF", "--set-section-flags", ".BTF=alloc", object, blob]);
    const prints = Object.keys(members).map(
      (path) => `printf("%zu %zu\\n", offsetof(struct outer, ${path}), sizeof outer.${path});`,
    );
    const main = `int main(void) { ${prints.join("\n")} printf("%zu\\n", sizeof outer); return 0; }`;
    writeFileSync(source, `#include <stddef.h>\n#include <stdio.h>\n${declarations}\n${main}`);
    execFileSync(cc, [source, "-o", program]);
    return { bytes: readFileSync(blob), truth: execFileSync(program, { encoding: "utf8" }) };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function errorOf(body: () => unknown): PerfError {
  try {
    body();
  } catch (error) {
    return error as PerfError;
  }
  throw new Error("it did not throw");
}

const withCompiler = requires({ programs: ["/usr/bin/gcc", "/usr/bin/objcopy"] });

withCompiler("members lie where the compiler puts them", () => {
  const { bytes, truth } = compile();
  const btf = new Btf(bytes);
  const lines = Object.keys(members).map((path) => {
    const { offset, size, bitOffset } = btf.member("outer", path);
    assert.is(bitOffset, offset * 8);
    return `${offset} ${size}\n`;
  });
  const [id = 0] = btf.find("outer");
  assert.is(`${lines.join("")}${btf.sizeOf(id)}\n`, truth);
  assert.equal(btf.member("inner_t", "pair"), btf.member("inner", "pair"));
  assert.is(btf.member("outer", "tail[100]").offset, btf.member("outer", "tail").offset + 100);
});

withCompiler("bit-fields, enumerations, prototypes, names of types", () => {
  const btf = new Btf(compile().bytes);
  const start = btf.member("outer", "bits").bitOffset;
  const bits = (path: string) => {
    const { bitOffset, bitSize, offset, size } = btf.member("outer", path);
    return [bitOffset - start, bitSize, offset - start / 8, size];
  };
  assert.equal(
    [bits("bits.a"), bits("bits.b"), bits("bits.c")],
    [
      [0, 3, 0, 4],
      [3, 7, 0, 4],
      [10, 33, 1, 8],
    ],
  );
  assert.equal(
    [...btf.enumeration("color")],
    [
      ["RED", 3],
      ["GREEN", 4],
      ["BLUE", 0x7fff_ffff],
    ],
  );
  const { parameters, returns } = btf.function("call");
  assert.equal(
    [...parameters, { type: returns }].map(({ type }) => btf.typeName(type)),
    ["struct outer *", "u32t", "int"],
  );
  const names = Object.fromEntries(
    Object.keys(members).map((path) => [path, btf.typeName(btf.member("outer", path).type)]),
  );
  assert.is(names.call, "int (int, const char *, ...) *");
  assert.is(names.next, "struct outer *");
  assert.is(names.label, "char[16]");
  assert.is(names.color, "enum color");
});

withCompiler("fetch expressions follow pointers with these offsets", () => {
  const btf = new Btf(compile().bytes);
  const at = (path: string) => btf.member("outer", path).offset;
  const fetch = (path: string) => fetchMember(btf, "$arg1", "outer", path);
  assert.is(fetch("first"), "+0($arg1):u32");
  assert.is(fetch("low"), `+${at("low")}($arg1):s32`);
  assert.is(fetch("next->next->list[1].pair"), `+${at("list[1].pair")}(+${at("next")}(+${at("next")}($arg1))):s16[3]`);
  assert.is(fetch("name"), `+0(+${at("name")}($arg1)):string`);
  assert.is(fetch("next->label"), `+${at("label")}(+${at("next")}($arg1)):string`);
  assert.is(fetch("next"), `+${at("next")}($arg1):x64`);
  assert.is(fetch("bits.b"), `+${at("bits")}($arg1):b7@3/16`);
  for (const path of ["real", "bits", "list", "first->next", "tail->x", ""]) {
    assert.is(errorOf(() => fetch(path)).code, "invalid", path);
  }
});

withCompiler("what is not there, and paths that are none", () => {
  const btf = new Btf(compile().bytes);
  const missing = [
    ["none", "x"],
    ["outer", "none"],
    ["outer", "first.x"],
    ["outer", "next.first"],
    ["outer", "list[4]"],
    ["outer", "first[0]"],
    ["color", "RED"],
  ] as const;
  for (const [owner, path] of missing)
    assert.is(errorOf(() => btf.member(owner, path)).code, "not_found", `${owner}.${path}`);
  for (const path of ["", ".", "a..b", "a.", "[0]", "a[x]", "a b", "a->b"]) {
    assert.is(errorOf(() => btf.member("outer", path)).code, "invalid", path);
  }
  assert.is(errorOf(() => btf.enumeration("outer")).code, "not_found");
  assert.is(errorOf(() => btf.function("outer")).code, "not_found");
  assert.is(errorOf(() => btf.type(10_000)).code, "invalid");
});

withCompiler("a module's types go on where the kernel's end", () => {
  const base = new Btf(compile().bytes);
  const strings = Buffer.from("\0extra\0outer\0");
  const types = Buffer.alloc(12 + 12 + 12);
  const start = stringsSize(compile().bytes);
  // struct extra { struct outer outer; }, and a pointer to it.
  types.writeUInt32LE(start + 1, 0);
  types.writeUInt32LE((4 << 24) | 1, 4);
  types.writeUInt32LE(base.sizeOf(base.find("outer")[0] ?? 0), 8);
  types.writeUInt32LE(start + 7, 12);
  types.writeUInt32LE(base.find("outer")[0] ?? 0, 16);
  types.writeUInt32LE(2 << 24, 28);
  types.writeUInt32LE(base.count, 32);
  const split = new Btf(blob(types, strings), base);
  assert.is(split.count, base.count + 2);
  assert.is(split.typeName(base.count + 1), "struct extra *");
  assert.equal(split.member("extra", "outer.list[2].pair[1]"), base.member("outer", "list[2].pair[1]"));
  assert.equal(split.find("outer"), base.find("outer"));
});

withCompiler("forged blobs are refused, and nothing else happens", () => {
  const { bytes } = compile();
  const random = new Random(815);
  let refused = 0;
  for (let round = 0; round < 2000; round++) {
    const forged = Buffer.from(bytes.subarray(0, random.below(5) === 0 ? random.below(bytes.length) : bytes.length));
    for (let change = 1 + random.below(5); change > 0; change--) {
      if (forged.length > 0)
        forged[random.below(forged.length)] = random.pick([0, 0xff, 0x7f, 1, 4, random.below(256)]);
    }
    try {
      const btf = new Btf(forged);
      for (let id = 0; id < btf.count; id++) {
        for (const read of [() => btf.type(id), () => btf.typeName(id), () => btf.sizeOf(id)]) readOrRefuse(read);
      }
      for (const path of Object.keys(members)) readOrRefuse(() => btf.member("outer", path), "not_found");
    } catch (error) {
      assert.is((error as PerfError).code, "invalid", (error as Error).stack);
      refused++;
    }
  }
  assert.ok(refused > 200, `${refused} refused`);
});

function readOrRefuse(read: () => unknown, ...codes: string[]): void {
  try {
    read();
  } catch (error) {
    assert.ok(["invalid", ...codes].includes((error as PerfError).code), (error as Error).stack);
  }
}

function stringsSize(bytes: Buffer): number {
  return bytes.readUInt32LE(20);
}

function blob(types: Buffer, strings: Buffer): Buffer {
  const header = Buffer.alloc(24);
  header.writeUInt16LE(0xeb9f, 0);
  header.writeUInt8(1, 2);
  for (const [index, value] of [24, 0, types.length, types.length, strings.length].entries()) {
    header.writeUInt32LE(value, 4 + 4 * index);
  }
  return Buffer.concat([header, types, strings]);
}

/** Little-endian words. */
function words(...values: number[]): Buffer {
  return Buffer.from(Uint32Array.from(values).buffer);
}

test("arrays of arrays", () => {
  const int = words(1, 1 << 24, 4, (1 << 24) | 32);
  const row = words(0, 3 << 24, 0, 1, 1, 3);
  const grid = words(0, 3 << 24, 0, 2, 1, 2);
  const owner = words(5, (4 << 24) | 1, 28, 10, 3, 32);
  const btf = new Btf(blob(Buffer.concat([int, row, grid, owner]), Buffer.from("\0int\0grid\0at\0")));
  assert.is(btf.member("grid", "at[1][2]").offset, 4 + 20);
  assert.is(btf.member("grid", "at").size, 24);
  assert.is(btf.member("grid", "at[1]").size, 12);
  assert.is(errorOf(() => btf.member("grid", "at[2][0]")).code, "not_found");
});

test("64-bit enumerations, and signed ones", () => {
  const types = Buffer.alloc(12 + 24 + 12 + 8);
  types.writeUInt32LE(1, 0);
  types.writeUInt32LE((((0x80 | 19) << 24) | 2) >>> 0, 4);
  types.writeUInt32LE(8, 8);
  types.writeUInt32LE(1, 12);
  types.writeBigInt64LE(-(2n ** 40n), 16);
  types.writeUInt32LE(3, 24);
  types.writeBigInt64LE(2n ** 60n + 1n, 28);
  types.writeUInt32LE(3, 36);
  types.writeUInt32LE(((0x86 << 24) | 1) >>> 0, 40);
  types.writeUInt32LE(4, 44);
  types.writeUInt32LE(1, 48);
  types.writeInt32LE(-1, 52);
  const btf = new Btf(blob(Buffer.from(types), Buffer.from("\0a\0b\0")));
  assert.equal(
    [...btf.enumeration("a")],
    [
      ["a", -(2 ** 40)],
      ["b", 2n ** 60n + 1n],
    ],
  );
  assert.equal([...btf.enumeration("b")], [["a", -1]]);
});

test.run();
