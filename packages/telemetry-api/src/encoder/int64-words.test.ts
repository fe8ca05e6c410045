import { test } from "uvu";
import * as assert from "uvu/assert";
import { int64Words, uint64Words } from "./int64-words.js";

const edges = [0n, 1n, 2n ** 31n - 1n, 2n ** 31n, 2n ** 32n - 1n, 2n ** 32n, 2n ** 53n - 1n, 2n ** 53n, 2n ** 63n - 1n];

test("halves put together are the value, in two's complement", () => {
  for (const value of [...edges, ...edges.map((edge) => -edge), -(2n ** 63n)]) {
    for (const given of forms(value)) assert.is(BigInt.asIntN(64, joined(int64Words(given))), value, String(given));
  }
  for (const value of [...edges, 2n ** 63n, 2n ** 64n - 1n]) {
    for (const given of forms(value)) assert.is(joined(uint64Words(given)), value, String(given));
  }
});

test("what is out of range or not exact has no halves", () => {
  for (const value of [2n ** 63n, -(2n ** 63n) - 1n, 2n ** 64n, 2 ** 53, -(2 ** 53), 0.5, Number.NaN, 1e300]) {
    assert.is(int64Words(value), undefined);
  }
  for (const value of [2n ** 64n, -1n, -1, 2 ** 53, 0.5, Number.NaN, Number.POSITIVE_INFINITY]) {
    assert.is(uint64Words(value), undefined);
  }
});

function forms(value: bigint): (number | bigint)[] {
  return Number.isSafeInteger(Number(value)) ? [value, Number(value)] : [value];
}

function joined(words: { low: number; high: number } | undefined): bigint {
  if (words === undefined) throw new Error("no halves");
  return (BigInt(words.high >>> 0) << 32n) | BigInt(words.low >>> 0);
}

test.run();
