import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { constants, tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { PerfNativeError } from "./errors.js";
import { ProcReader, readFile } from "./proc-reader.js";

const root = mkdtempSync(join(tmpdir(), "proc-reader-"));
for (const number of [1, 2, 4]) {
  mkdirSync(join(root, `${number}`));
  writeFileSync(join(root, `${number}/stat`), `stat of ${number}`);
  writeFileSync(join(root, `${number}/long`), `${number}`.repeat(200));
}
test.after(() => rmSync(root, { recursive: true }));

const files = [
  { name: "stat", limit: 64 },
  { name: "gone", limit: 64 },
  { name: "long", limit: 100 },
  { name: "stat", limit: 4 },
];
const missing = -constants.errno.ENOENT;
const descriptors = () => readdirSync("/proc/self/fd").length;

test("files of several directories, one behind the other; what is not there has its errno for a length", async () => {
  const reader = new ProcReader(root, files);
  assert.equal([reader.files, reader.most], [4, 232]);
  const before = descriptors();
  for (const way of ["read", "readNow"] as const) {
    const [into, lengths] = [Buffer.alloc(1000), new Int32Array(12)];
    assert.is(await reader[way](Int32Array.of(1, 3, 4), into, lengths), 3);
    const none = [missing, missing, missing, missing];
    assert.equal([...lengths], [9, missing, 100, 4, ...none, 9, missing, 100, 4]);
    const whole = `stat of 1${"1".repeat(100)}statstat of 4${"4".repeat(100)}stat`;
    assert.is(into.toString("latin1", 0, whole.length), whole);
    assert.is(into[whole.length], 0);
  }
  assert.is(descriptors(), before);
});

test("a call stops where the next directory might not find room", async () => {
  const reader = new ProcReader(root, files);
  const lengths = new Int32Array(12);
  assert.is(await reader.read(Int32Array.of(1, 2, 4), Buffer.alloc(232 + 113), lengths), 2);
  assert.is(reader.readNow(Int32Array.of(1, 2, 4), Buffer.alloc(232), lengths), 1);
});

test("a root that is not there", () => {
  const lengths = new Int32Array(4);
  assert.is(new ProcReader(join(root, "no"), files).readNow(Int32Array.of(1), Buffer.alloc(300), lengths), 1);
  assert.equal([...new Set(lengths)].length, 1);
  assert.ok(lengths[0]! < 0);
});

test("arrays that are too small, and limits that are none, are refused", () => {
  const reader = new ProcReader(root, files);
  const isInvalid = (error: unknown) => error instanceof PerfNativeError && error.code === "invalid";
  assert.throws(() => reader.readNow(Int32Array.of(1), Buffer.alloc(231), new Int32Array(4)), isInvalid);
  assert.throws(() => reader.readNow(Int32Array.of(1), Buffer.alloc(232), new Int32Array(3)), isInvalid);
  for (const limit of [0, 1.5, 2 ** 31]) assert.throws(() => new ProcReader(root, [{ name: "a", limit }]), isInvalid);
});

test("many calls at once, of the real /proc", async () => {
  const reader = new ProcReader("/proc", [
    { name: "stat", limit: 4096 },
    { name: "status", limit: 16_384 },
  ]);
  const own = Int32Array.of(process.pid, 0x3fff_ffff);
  const calls = Array.from({ length: 20 }, async () => {
    const [into, lengths] = [Buffer.alloc(reader.most * 2), new Int32Array(4)];
    assert.is(await reader.read(own, into, lengths), 2);
    assert.equal([...lengths.subarray(2)], [missing, missing]);
    assert.ok(into.toString("latin1").startsWith(`${process.pid} (`));
    assert.match(into.toString("latin1", lengths[0], lengths[0]! + lengths[1]!), `\nPid:\t${process.pid}\n`);
  });
  await Promise.all(calls);
});

test("one file by its path", () => {
  const into = Buffer.alloc(300);
  const length = readFile("/proc/sys/kernel/random/boot_id", into);
  assert.is(into.toString("latin1", 0, length), readFileSync("/proc/sys/kernel/random/boot_id", "latin1"));
  assert.is(readFile(join(root, "1/long"), into.subarray(0, 10)), 10);
  assert.is(readFile(join(root, "none"), into), missing);
  assert.is(readFile(root, into), -constants.errno.EISDIR);
});

test.run();
