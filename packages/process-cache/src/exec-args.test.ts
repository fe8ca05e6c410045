import { test } from "uvu";
import * as assert from "uvu/assert";
import { parseExecStack, RegistersAbi } from "./exec-args.js";
import { buildExecStack, STACK_POINTER } from "./testing/exec-stack.js";

const { BITS_32, BITS_64 } = RegistersAbi;

for (const abi of [BITS_64, BITS_32]) {
  const name = abi === BITS_64 ? "64-bit" : "32-bit";

  test(`${name}: all arguments and the ids`, () => {
    const { stack, pointer, start, end } = buildExecStack({ argv: ["sh", "-c", "", "a b\nc", "é"], abi });
    const result = parseExecStack(stack, pointer, abi);
    assert.equal(result.argv, ["sh", "-c", "", "a b\nc", "é"]);
    assert.is(result.argc, 5);
    assert.ok(result.complete);
    assert.is(result.start, start);
    assert.is(result.end, end);
    assert.equal(result.ids, { uid: 1000, euid: 0, gid: 100, egid: 50, secure: true });
  });

  test(`${name}: a dump cut at every length gives a prefix of the truth and says so`, () => {
    const argv = ["program", "first", "", "last"];
    const { stack, pointer, end } = buildExecStack({ argv, abi, gap: 40 });
    const whole = Number(end - pointer);
    for (let length = 0; length < stack.length; length++) {
      const result = parseExecStack(stack.subarray(0, length), pointer, abi);
      assert.is(result.complete, length >= whole, `${length} bytes`);
      const got = result.argv.join("\0");
      assert.ok(argv.join("\0").startsWith(got), `${length} bytes: ${JSON.stringify(got)}`);
      if (result.end !== undefined) assert.is(result.end, end);
    }
  });
}

test("an argument that is longer than the dump is cut, the next ones are not reached", () => {
  const { stack, pointer } = buildExecStack({ argv: ["sh", "-c", "x".repeat(20_000), "tail"], abi: BITS_64 });
  const result = parseExecStack(stack.subarray(0, 16_384), pointer, BITS_64);
  assert.is(result.argv.length, 3);
  assert.ok(result.argv[2]!.length > 15_000 && /^x+$/.test(result.argv[2]!));
  assert.not(result.complete);
  assert.is(result.argc, 4);
});

test("no arguments at all (before Linux 5.18) and one empty argument", () => {
  const none = buildExecStack({ argv: [], abi: BITS_64 });
  const empty = parseExecStack(none.stack, none.pointer, BITS_64);
  assert.equal([empty.argv, empty.argc, empty.complete, empty.start], [[], 0, true, undefined]);
  const one = buildExecStack({ argv: [""], abi: BITS_64 });
  assert.equal(parseExecStack(one.stack, one.pointer, BITS_64).argv, [""]);
  assert.ok(parseExecStack(one.stack, one.pointer, BITS_64).complete);
});

test("no environment", () => {
  const { stack, pointer, end } = buildExecStack({ argv: ["a", "b"], env: [], abi: BITS_64 });
  const result = parseExecStack(stack, pointer, BITS_64);
  assert.equal([result.argv, result.complete, result.end, result.ids?.uid], [["a", "b"], true, end, 1000]);
  const cut = parseExecStack(stack.subarray(0, 60), pointer, BITS_64);
  assert.equal([cut.complete, cut.end], [false, undefined]);
});

test("bytes that are no UTF-8 become U+FFFD and do not disturb their neighbours", () => {
  const { stack, pointer } = buildExecStack({ argv: ["p", Buffer.from([0x61, 0xff, 0xfe, 0x62]), "q"], abi: BITS_64 });
  const result = parseExecStack(stack, pointer, BITS_64);
  assert.equal(result.argv, ["p", "a\ufffd\ufffdb", "q"]);
  assert.ok(result.complete);
});

test("no registers, an unknown abi, an empty dump", () => {
  const { stack, pointer } = buildExecStack({ argv: ["a"], abi: BITS_64 });
  for (const abi of [0, 3, 77]) assert.is(parseExecStack(stack, pointer, abi).argc, undefined);
  assert.is(parseExecStack(new Uint8Array(0), pointer, BITS_64).argc, undefined);
});

test("a huge argc is not believed", () => {
  for (const argc of [0x8000_0000n, 1n << 40n, 0xffff_ffff_ffff_ffffn, 5_000_000n]) {
    const { stack, pointer } = buildExecStack({ argv: ["a"], abi: BITS_64 });
    new DataView(stack.buffer).setBigUint64(0, argc, true);
    const result = parseExecStack(stack, pointer, BITS_64);
    assert.equal([result.argc, result.complete, result.argv], [undefined, false, []]);
  }
});

test("an argc larger than the pointers there are gives an incomplete result", () => {
  const { stack, pointer } = buildExecStack({ argv: ["a", "b"], abi: BITS_64 });
  new DataView(stack.buffer).setBigUint64(0, 3n, true);
  const result = parseExecStack(stack, pointer, BITS_64);
  assert.equal([result.argv, result.complete], [["a", "b"], false]);
});

test("pointers that point anywhere, backwards or at one string many times", () => {
  const cases = [0n, 1n, STACK_POINTER, STACK_POINTER - 1n, STACK_POINTER + 8n, 1n << 63n, (1n << 64n) - 1n];
  for (const value of cases) {
    const { stack, pointer } = buildExecStack({ argv: ["a", "b", "c"], abi: BITS_64 });
    new DataView(stack.buffer).setBigUint64(16, value, true);
    const result = parseExecStack(stack, pointer, BITS_64);
    assert.equal([result.argv, result.complete], [["a"], false], value.toString(16));
  }
  const { stack, pointer } = buildExecStack({ argv: Array(500).fill("x".repeat(20)), abi: BITS_64 });
  const view = new DataView(stack.buffer);
  for (let index = 2; index <= 500; index++) view.setBigUint64(index * 8, view.getBigUint64(8, true), true);
  assert.is(parseExecStack(stack, pointer, BITS_64).argv.length, 1);
});

test("100,000 dumps of noise give no exception and never more text than the dump holds", () => {
  let seed = 12345;
  const next = () => {
    seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
    return seed >>> 8;
  };
  const bytes = new Uint8Array(256);
  for (let round = 0; round < 100_000; round++) {
    const abi = 1 + (round & 1);
    for (let index = 0; index < 8; index++) bytes[next() % 256] = next();
    const view = new DataView(bytes.buffer);
    view.setUint32(0, next() % 20, true);
    view.setUint32(4, 0, true);
    for (let index = 1; index < 12; index++) {
      if (abi === 2) view.setBigUint64(index * 8, STACK_POINTER + BigInt(next() % 300), true);
      else view.setUint32(index * 4, Number(STACK_POINTER & 0xffff_ffffn) + (next() % 300), true);
    }
    const result = parseExecStack(bytes, abi === 2 ? STACK_POINTER : STACK_POINTER & 0xffff_ffffn, abi);
    assert.ok(result.argv.reduce((sum, text) => sum + text.length, 0) <= 256);
    assert.ok(result.argv.length <= (result.argc ?? 0));
  }
});

test.run();
