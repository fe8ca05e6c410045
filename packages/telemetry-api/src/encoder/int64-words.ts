/** The two halves of a 64-bit integer in two's complement, each as an unsigned or signed 32-bit number. */
export interface Words {
  low: number;
  high: number;
}

const wide = new BigInt64Array(1);
const halves = new Uint32Array(wide.buffer);
/** Which half is the low one: 0 where the processor is little-endian. */
const lowIndex = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1 ? 0 : 1;
/** One object for all results: it is read at once, before the next call. */
const words: Words = { low: 0, high: 0 };

/** Splits a signed 64-bit integer; undefined for a number that is no safe integer and a bigint out of range. */
export function int64Words(value: number | bigint): Words | undefined {
  if (typeof value === "number") return Number.isSafeInteger(value) ? numberWords(value) : undefined;
  return BigInt.asIntN(64, value) === value ? bigintWords(value) : undefined;
}

/** Splits an unsigned 64-bit integer; undefined for a number that is no safe integer and a bigint out of range. */
export function uint64Words(value: number | bigint): Words | undefined {
  if (typeof value === "number") return Number.isSafeInteger(value) && value >= 0 ? numberWords(value) : undefined;
  return BigInt.asUintN(64, value) === value ? bigintWords(value) : undefined;
}

function numberWords(value: number): Words {
  words.low = value >>> 0;
  words.high = Math.floor(value / 0x1_0000_0000) | 0;
  return words;
}

function bigintWords(value: bigint): Words {
  wide[0] = value;
  words.low = halves[lowIndex] as number;
  words.high = (halves[1 - lowIndex] as number) | 0;
  return words;
}
