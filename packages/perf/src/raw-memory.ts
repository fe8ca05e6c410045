/**
 * Typed views of the memory that records lie in, and the place of the current record's raw data in it: what all of a
 * monitor's decoders read from. One object of this class is shared by them, so that reading a field is one load.
 */
export class RawMemory {
  readonly u8: Uint8Array;
  readonly i8: Int8Array;
  readonly u16: Uint16Array;
  readonly i16: Int16Array;
  readonly u32: Uint32Array;
  readonly i32: Int32Array;
  readonly view: DataView;
  readonly bytes: SliceableBuffer;
  /** Byte offset of the raw data, a multiple of 8. */
  start = 0;
  /** Bytes of raw data. */
  size = 0;
  /** Changes with every record, so that what was worked out for one is not taken for another's. */
  sequence = 0;

  constructor(memory: ArrayBuffer) {
    if (memory.byteLength % 8 !== 0) throw new RangeError(`RawMemory: ${memory.byteLength} bytes: not a multiple of 8`);
    this.u8 = new Uint8Array(memory);
    this.i8 = new Int8Array(memory);
    this.u16 = new Uint16Array(memory);
    this.i16 = new Int16Array(memory);
    this.u32 = new Uint32Array(memory);
    this.i32 = new Int32Array(memory);
    this.view = new DataView(memory);
    this.bytes = Buffer.from(memory) as SliceableBuffer;
  }

  /** Puts the cursors on a record's raw data. */
  move(start: number, size: number): void {
    this.start = start;
    this.size = size;
    this.sequence = (this.sequence + 1) | 0;
  }

  /** The u64 at byte offset `at` (a multiple of 4), as a number where it is a safe integer. */
  unsigned64(at: number): number | bigint {
    return joinUnsigned(this.u32[(at >> 2) + 1]!, this.u32[at >> 2]!);
  }

  /** The s64 at byte offset `at` (a multiple of 4), as a number where it is a safe integer. */
  signed64(at: number): number | bigint {
    return joinSigned(this.i32[(at >> 2) + 1]!, this.u32[at >> 2]!);
  }

  /** The u64 at byte offset `at` (a multiple of 4). */
  bigint(at: number): bigint {
    return (BigInt(this.u32[(at >> 2) + 1]!) << 32n) | BigInt(this.u32[at >> 2]!);
  }
}

/** The decoders that Node's buffers have beside `toString`; they take no detour through an encoding's name. */
interface SliceableBuffer extends Buffer {
  latin1Slice(start: number, end: number): string;
  utf8Slice(start: number, end: number): string;
}

/** 2^32 */
const WORD = 4_294_967_296;

/** A u64 of its halves: a number up to 2^53 − 1, else a bigint. */
export function joinUnsigned(high: number, low: number): number | bigint {
  // Nearly all are small: an integer is cheaper to hand on than a double.
  if (high === 0) return low;
  return high < 0x20_0000 ? high * WORD + low : (BigInt(high) << 32n) | BigInt(low);
}

/** An s64 of its halves: a number from −2^53 + 1 to 2^53 − 1, else a bigint. */
export function joinSigned(high: number, low: number): number | bigint {
  // 32 bits and their sign.
  if (high === low >> 31) return low | 0;
  if (high < 0x20_0000 && (high > -0x20_0000 || (high === -0x20_0000 && low > 0))) return high * WORD + low;
  return (BigInt(high) << 32n) | BigInt(low);
}

/** The u64 count at `at`, if that many entries of `size` bytes behind it end at `end` or before; else −1. */
export function countAt(memory: RawMemory, at: number, end: number, size: number): number {
  if (at + 8 > end) return -1;
  const count = Number(memory.unsigned64(at));
  return count * size <= end - at - 8 ? count : -1;
}
