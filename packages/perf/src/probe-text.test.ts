import { test } from "uvu";
import * as assert from "uvu/assert";
import { kernelPlace, parseFetchArgument, probeLine, removalLine, userPlace } from "./probe-text.js";
import { Random, randomBytesOf } from "./testing/random.js";

const event = "kernscope/p1_2_3_ab_0";

test("lines as the kernel's documentation writes them", () => {
  const args = { path: "+0($arg2):ustring", fd: "$arg1:s32" };
  assert.is(
    probeLine({ event, place: kernelPlace("do_sys_openat2"), onReturn: false, args }),
    `p:${event} do_sys_openat2 path=+0($arg2):ustring fd=$arg1:s32`,
  );
  const returned = { result: "$retval:s64" };
  assert.is(
    probeLine({ event, place: kernelPlace("nf_nat:vfs_read+0x4"), onReturn: true, maxActive: 64, args: returned }),
    `r64:${event} nf_nat:vfs_read+0x4 result=$retval:s64`,
  );
  assert.is(
    probeLine({ event, place: userPlace("/proc/self/fd/21", 0x8a00, 16), onReturn: false, args: {} }),
    `p:${event} /proc/self/fd/21:0x8a00(0x10)`,
  );
  assert.is(removalLine(event), `-:${event}`);
});

test("fetch expressions of every form", () => {
  const forms = {
    "%di": ["%di", undefined, undefined],
    "$arg1:u64": ["$arg1", "u64", undefined],
    $stack: ["$stack", undefined, undefined],
    "$stack12:x8": ["$stack12", "x8", undefined],
    $retval: ["$retval", undefined, undefined],
    "$comm:string": ["$comm", "string", undefined],
    "@jiffies_64:u64": ["@jiffies_64", "u64", undefined],
    "@init_task+0x10": ["@init_task+0x10", undefined, undefined],
    "@0xffffffff81000000": ["@0xffffffff81000000", undefined, undefined],
    "@+0x1234:u32": ["@+0x1234", "u32", undefined],
    "+0(+8(%si)):string": ["+0(+8(%si))", "string", undefined],
    "-0x10($stack0)": ["-0x10($stack0)", undefined, undefined],
    "+u16($arg2):x8[16]": ["+u16($arg2)", "x8", 16],
    "+0($arg2):string[4]": ["+0($arg2)", "string", 4],
    "$arg3:b4@2/32": ["$arg3", "b4@2/32", undefined],
    "$arg1:%pD": ["$arg1", "%pD", undefined],
    "$arg1:symbol": ["$arg1", "symbol", undefined],
    "\\5:u8": ["\\5", "u8", undefined],
    '\\"a:b":string': ['\\"a:b"', "string", undefined],
    "file->f_path.dentry:u64": ["file->f_path.dentry", "u64", undefined],
  } as const;
  for (const [text, [expression, type, count]] of Object.entries(forms)) {
    assert.equal(parseFetchArgument(text), { expression, type, count }, text);
  }
});

test("what is no fetch expression is refused", () => {
  const wrong = [
    "",
    " ",
    "$arg0",
    "$arg",
    "$args",
    "$argx",
    "$nope",
    "%",
    "%DI",
    "+0(%di",
    "+0%di)",
    "+(%di)",
    "(%di)",
    "+0(%di))",
    "%di:u65",
    "%di:u64[0]",
    "%di:u64[100]",
    "%di:u64[]",
    "%di:b4@2/33",
    "%di u64",
    "%di\nr:x vfs_read",
    "%di:u64\n",
    "%di#",
    "\u0661",
    '\\"a b"',
    `${"+0(".repeat(17)}%di${")".repeat(17)}`,
    `+0(@${"a".repeat(60)})`,
  ];
  for (const text of wrong) assert.throws(() => parseFetchArgument(text), isInvalid, JSON.stringify(text));
});

test("places", () => {
  for (const place of [
    "vfs_read",
    "vfs_read+8",
    "foo.constprop.0+0x10",
    "nf_nat:x",
    "i2c-core:x",
    "0xffffffff81000000",
  ]) {
    assert.is(kernelPlace(place), place);
  }
  for (const place of [
    "",
    "a b",
    "a\nb",
    "a+",
    "a+-1",
    "a-1",
    "a:b:c",
    "1a",
    "a#",
    "/bin/sh:0x12",
    "a\0",
    "ä",
    "a+0x",
  ]) {
    assert.throws(() => kernelPlace(place), isInvalid, JSON.stringify(place));
  }
  for (const path of ["", "bin/sh", "/bin/a b", "/bin/#", "/bin/a:0x1", "/a\n", "/ä", "/(1)"]) {
    assert.throws(() => userPlace(path, 1), isInvalid, JSON.stringify(path));
  }
  for (const offset of [-1, 1.5, Number.NaN, 2 ** 53]) assert.throws(() => userPlace("/bin/sh", offset), isInvalid);
});

test("numbers and names out of range", () => {
  const line = (change: object) => () =>
    probeLine({ event, place: "vfs_read", onReturn: true, maxActive: undefined, args: {}, ...change });
  assert.not.throws(line({}));
  for (const maxActive of [0, -1, 1.5, 4097, Number.NaN, "1\n"]) assert.throws(line({ maxActive }), isInvalid);
  assert.throws(line({ onReturn: false, maxActive: 5 }), isInvalid);
  for (const name of ["", "1a", "a b", "a=b", "a\n", "ä", "a".repeat(32)]) {
    assert.throws(line({ args: { [name]: "%di" } }), isInvalid, name);
  }
  assert.throws(line({ args: { a: 5 } }), isInvalid);
  assert.throws(line({ event: `kernscope/${"a".repeat(64)}` }), isInvalid);
  assert.throws(line({ event: "kernscope" }), isInvalid);
  const many = (count: number, text: string) =>
    Object.fromEntries(Array.from({ length: count }, (_, index) => [`a${index}`, text]));
  assert.not.throws(line({ args: many(128, "%di") }));
  assert.throws(line({ args: many(129, "%di") }), isInvalid);
  assert.throws(line({ args: many(100, `+0(@${"a".repeat(40)})`) }), isInvalid);
});

test("text injection into probe files: random bytes make one line that reads back equal, or are refused", () => {
  const random = new Random(20_240_612);
  let made = 0;
  for (let round = 0; round < 100_000; round++) {
    const onReturn = random.below(2) === 0;
    const parts = {
      event: random.below(4) > 0 ? event : mutate(random, event),
      place: random.pick([
        () => "vfs_read",
        () => randomText(random),
        () => mutate(random, "nf_nat:vfs_read+0x4"),
        () => mutate(random, "/usr/lib/libc.so.6:0x1d40(0x20)"),
      ])(),
      name: random.pick([() => "name", () => randomText(random), () => mutate(random, "name_1")])(),
      text: random.pick([() => randomText(random), () => mutate(random, random.pick(samples))])(),
    };
    let line: string;
    try {
      line = probeLine({ event: parts.event, place: parts.place, onReturn, args: { [parts.name]: parts.text } });
    } catch (error) {
      assert.ok(isInvalid(error), String(error));
      continue;
    }
    made++;
    // As the kernel reads it: lines, comments cut off, words between white space, name up to the first "=".
    assert.match(line, /^[\x21-\x7e]+( [\x21-\x7e]+)*$/);
    const [command = "", ...rest] = line.split("\n");
    const [head, place, argument = "", ...more] = command.replace(/#.*/, "").split(/[ \t\v\f\r]+/);
    assert.equal([rest, more], [[], []]);
    const equals = argument.indexOf("=");
    assert.equal(
      [head, place, argument.slice(0, equals), argument.slice(equals + 1)],
      [`${onReturn ? "r" : "p"}:${parts.event}`, parts.place, parts.name, parts.text],
    );
  }
  assert.ok(made > 1000, `only ${made} lines were made`);
});

test("text injection into probe files: a path of random bytes is the place that reads back equal, or refused", () => {
  const random = new Random(20_240_613);
  let made = 0;
  for (let round = 0; round < 100_000; round++) {
    const path = random.below(4) > 0 ? mutate(random, "/usr/lib/libc.so.6") : `/${randomText(random)}`;
    const offset = random.word();
    let line: string;
    try {
      line = probeLine({ event, place: userPlace(path, offset, 8), onReturn: false, args: {} });
    } catch (error) {
      assert.ok(isInvalid(error), String(error));
      continue;
    }
    made++;
    // As the kernel reads it: the path ends at the last colon (uprobe_events).
    const [head, place = "", ...more] = line.split(/[ \t\v\f\r\n#]+/);
    const colon = place.lastIndexOf(":");
    assert.equal([head, more], [`p:${event}`, []]);
    assert.equal([place.slice(0, colon), place.slice(colon + 1)], [path, `0x${offset.toString(16)}(0x8)`]);
  }
  assert.ok(made > 1000, `only ${made} places were made`);
});

const samples = ["+0(+8($arg2)):ustring", "%di:u64", "$retval:s32", "@jiffies+4:x8[4]", "$arg1:b3@2/8", "$comm:string"];

function randomText(random: Random): string {
  return Buffer.from(randomBytesOf(random, random.below(12))).toString(random.pick(["latin1", "utf8"]));
}

/** Replaces, inserts or removes up to two characters. */
function mutate(random: Random, text: string): string {
  let mutated = text;
  for (let change = random.below(3); change > 0; change--) {
    const at = random.below(mutated.length + 1);
    const inserted = random.pick(["", randomText(random).slice(0, 1), random.pick([..."()+-:$%@ \n#=[]0x/.1a"])]);
    mutated = mutated.slice(0, at) + inserted + mutated.slice(at + random.below(2));
  }
  return mutated;
}

function isInvalid(error: unknown): boolean {
  return (error as { code?: string }).code === "invalid";
}

test.run();
