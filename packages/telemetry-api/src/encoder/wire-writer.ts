import { int64Words, uint64Words } from "./int64-words.js";
import { outOfRange } from "./out-of-range.js";

/** Wire types of the protobuf encoding; that of a varint is 0. */
const fixed64 = 1;
const lengthDelimited = 2;
const fixed32 = 5;

/** Results are written into slabs of this size: what a short result can keep alive beyond itself. */
const slabSize = 16 * 1024;
/** Room that a slab must have for a result to begin in it: what most events need at the most. */
const usualSize = 1024;
/** A result longer than this has a buffer of its own. */
const longResult = 2048;
/** Slabs that are kept for further results: what is under way to clients at a time. */
const mostSpare = 32;
/** Room for any tag and number: 2 + 10 bytes. */
const scalarRoom = 16;
/** Up to here a loop over the characters beats a call of TextEncoder. */
const shortText = 24;

/** Up to here a loop over the bytes beats a call of `set`. */
const shortRun = 32;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/**
 * Writes protobuf: `start`, the fields of a message, `finish`. Field numbers are 1 to 2047.
 *
 * The methods named after a type leave out a value that is absent or the type's default. Those that end in `Always` are
 * for what is told apart from absent: members of a oneof, items of a list, keys of a map.
 *
 * `varint`, `wideVarint`, `stringAlways` and `begin` each write their tag themselves: V8 does not inline all of a long
 * message's fields, and a second call for each of them takes longer than the writing.
 */
export class WireWriter {
  /** The slab. Up to `first` it belongs to earlier results. */
  private bytes: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  private first = 0;
  /** Where the next byte goes. */
  private at = 0;
  private readonly slabSize: number;
  /** Slabs that were given back. */
  private readonly spare: Uint8Array<ArrayBuffer>[] = [];

  /** @param slab bytes of a slab: worth it to be somewhat more than most results, where those are long */
  constructor(slab = slabSize) {
    this.slabSize = slab;
  }

  /** Bytes written since `start`. */
  get size(): number {
    return this.at - this.first;
  }

  /** Begins a result. One that was not finished is forgotten. */
  start(): void {
    if (this.first + usualSize > this.bytes.length || this.bytes.length > this.slabSize) {
      this.bytes = this.spare.pop() ?? new Uint8Array(this.slabSize);
      this.first = 0;
    }
    this.at = this.first;
  }

  /** Returns what was written since `start`. It is never written again and may share its buffer with other results. */
  finish(): Uint8Array {
    const { bytes, first, at } = this;
    const size = at - first;
    // One that takes most of its slab may have it.
    const isWhole = size > bytes.length / 2 && bytes.length <= this.slabSize;
    if (!isWhole && (size > longResult || bytes.length > this.slabSize)) return bytes.slice(first, at);
    this.first = isWhole ? bytes.length : at;
    return bytes.subarray(first, at);
  }

  /** Takes back a result that nobody will read any more, if it has a slab for itself, to write others over it. */
  reuse(result: Uint8Array): void {
    const { buffer, byteOffset, length } = result;
    const isWhole = byteOffset === 0 && buffer.byteLength === this.slabSize && length > this.slabSize / 2;
    if (isWhole && this.spare.length < mostSpare) this.spare.push(new Uint8Array(buffer as ArrayBuffer));
  }

  /** Takes bytes that are encoded already. */
  raw(value: Uint8Array): void {
    const size = value.length;
    if (size === 0) return;
    this.reserve(size);
    const { bytes, at } = this;
    if (size > shortRun) bytes.set(value, at);
    else for (let i = 0; i < size; i++) bytes[at + i] = value[i] as number;
    this.at = at + size;
  }

  /** Leaves room for what is written over the result later. */
  skip(room: number): void {
    this.reserve(room);
    this.at += room;
  }

  int32(field: number, value: number | undefined): void {
    if (value === undefined || value === 0) return;
    if ((value | 0) !== value) throw outOfRange(field, value, "int32");
    if (value > 0) this.varint(field, value);
    else this.wideVarint(field, value, -1);
  }

  uint32(field: number, value: number | undefined): void {
    if (value === undefined || value === 0) return;
    if (value >>> 0 !== value) throw outOfRange(field, value, "uint32");
    this.varint(field, value);
  }

  sint32(field: number, value: number | undefined): void {
    if (value === undefined || value === 0) return;
    if ((value | 0) !== value) throw outOfRange(field, value, "sint32");
    this.varint(field, ((value << 1) ^ (value >> 31)) >>> 0);
  }

  bool(field: number, value: boolean | undefined): void {
    if (value) this.varint(field, 1);
  }

  int64(field: number, value: number | bigint | undefined): void {
    if (value === undefined || value === 0 || value === 0n) return;
    if (isSmall(value)) {
      this.varint(field, value);
      return;
    }
    const words = int64Words(value);
    if (words === undefined) throw outOfRange(field, value, "int64");
    this.wideVarint(field, words.low, words.high);
  }

  uint64(field: number, value: number | bigint | undefined): void {
    if (value === undefined || value === 0 || value === 0n) return;
    this.uint64Always(field, value);
  }

  uint64Always(field: number, value: number | bigint): void {
    if (isSmall(value)) {
      this.varint(field, value);
      return;
    }
    const words = uint64Words(value);
    if (words === undefined) throw outOfRange(field, value, "uint64");
    this.wideVarint(field, words.low, words.high);
  }

  /** As {@link int64}, for a value given as its halves. */
  int64Words(field: number, low: number, high: number): void {
    if (low !== 0 || high !== 0) this.wideVarint(field, low, high);
  }

  sint64(field: number, value: number | bigint | undefined): void {
    if (value === undefined || value === 0 || value === 0n) return;
    this.sint64Always(field, value);
  }

  sint64Always(field: number, value: number | bigint): void {
    const words = int64Words(value);
    if (words === undefined) throw outOfRange(field, value, "sint64");
    const { low, high } = words;
    const sign = high >> 31;
    this.wideVarint(field, (low << 1) ^ sign, ((high << 1) | (low >>> 31)) ^ sign);
  }

  fixed32(field: number, value: number | undefined): void {
    if (value === undefined || value === 0) return;
    if (value >>> 0 !== value) throw outOfRange(field, value, "fixed32");
    this.tag(field, fixed32);
    this.word(value);
  }

  fixed64(field: number, value: number | bigint | undefined): void {
    if (value === undefined || value === 0 || value === 0n) return;
    const words = uint64Words(value);
    if (words === undefined) throw outOfRange(field, value, "fixed64");
    this.tag(field, fixed64);
    this.word(words.low);
    this.word(words.high);
  }

  /** Text as UTF-8. A surrogate without its other half becomes U+FFFD, as everywhere on the web. */
  string(field: number, value: string | undefined): void {
    if (value === undefined || value === "") return;
    this.stringAlways(field, value);
  }

  stringAlways(field: number, value: string): void {
    if (typeof value !== "string") throw outOfRange(field, value, "string");
    const size = value.length;
    this.reserve(size * 3 + scalarRoom);
    const bytes = this.bytes;
    let at = this.at;
    const tag = (field << 3) | lengthDelimited;
    if (tag < 0x80) {
      bytes[at++] = tag;
    } else {
      bytes[at++] = tag | 0x80;
      bytes[at++] = tag >>> 7;
    }
    if (size <= shortText) {
      bytes[at] = size;
      // Two characters a turn, and one look at the end whether all were ASCII, take a quarter less time.
      let seen = 0;
      let i = 0;
      for (; i + 1 < size; i += 2) {
        const left = value.charCodeAt(i);
        const right = value.charCodeAt(i + 1);
        seen |= left | right;
        bytes[at + 1 + i] = left;
        bytes[at + 2 + i] = right;
      }
      if (i < size) {
        const last = value.charCodeAt(i);
        seen |= last;
        bytes[at + 1 + i] = last;
      }
      if (seen < 0x80) {
        this.at = at + 1 + size;
        return;
      }
    }
    this.at = at;
    this.utf8(value);
  }

  /** Text that ends with a number, an unsigned integer in decimal. */
  numberedString(field: number, prefix: Uint8Array, value: number | bigint): void {
    if (typeof value !== "number" || value >>> 0 !== value) {
      if (value < 0 || uint64Words(value) === undefined) throw outOfRange(field, value, "uint64");
      this.stringAlways(field, decoder.decode(prefix) + value);
      return;
    }
    const digits = digitsOf(value);
    this.reserve(prefix.length + digits + scalarRoom);
    this.tag(field, lengthDelimited);
    this.length(prefix.length + digits);
    this.raw(prefix);
    let rest = value;
    for (let at = this.at + digits - 1; at >= this.at; at--) {
      const tens = (rest / 10) >>> 0;
      this.bytes[at] = 0x30 + rest - tens * 10;
      rest = tens;
    }
    this.at += digits;
  }

  strings(field: number, values: readonly string[] | undefined): void {
    if (values === undefined) return;
    for (let i = 0; i < values.length; i++) this.stringAlways(field, values[i] as string);
  }

  blob(field: number, value: Uint8Array | undefined): void {
    if (value === undefined || value.length === 0) return;
    this.blobAlways(field, value);
  }

  blobAlways(field: number, value: Uint8Array): void {
    if (!(value instanceof Uint8Array)) throw outOfRange(field, value, "bytes");
    this.reserve(value.length + scalarRoom);
    this.tag(field, lengthDelimited);
    this.length(value.length);
    this.bytes.set(value, this.at);
    this.at += value.length;
  }

  /**
   * Begins a message within the message; what is written up to {@link end} is its content.
   *
   * @param room bytes kept for its length: 1 (below 128 bytes) or 2. A wrong guess costs a move of the content
   * @returns where the content begins, for `end`
   */
  begin(field: number, room: 1 | 2): number {
    this.reserve(scalarRoom);
    const bytes = this.bytes;
    let at = this.at;
    const tag = (field << 3) | lengthDelimited;
    if (tag < 0x80) {
      bytes[at++] = tag;
    } else {
      bytes[at++] = tag | 0x80;
      bytes[at++] = tag >>> 7;
    }
    this.at = at + room;
    return this.at;
  }

  /** Ends the message that `begin(…, room)` began at `start`. */
  end(start: number, room: 1 | 2): void {
    const size = this.at - start;
    if (room === 1 && size < 0x80) {
      this.bytes[start - 1] = size;
    } else {
      this.endLong(start, room, size);
    }
  }

  private endLong(start: number, room: number, size: number): void {
    const needed = varintSize(size);
    if (needed !== room) {
      this.reserve(needed);
      this.bytes.copyWithin(start - room + needed, start, start + size);
    }
    this.at = start - room;
    this.length(size);
    this.at += size;
  }

  /** A field with an unsigned 32-bit integer. */
  private varint(field: number, value: number): void {
    this.reserve(scalarRoom);
    const bytes = this.bytes;
    let at = this.at;
    const tag = field << 3;
    if (tag < 0x80) {
      bytes[at++] = tag;
    } else {
      bytes[at++] = tag | 0x80;
      bytes[at++] = tag >>> 7;
    }
    let rest = value;
    while (rest > 0x7f) {
      bytes[at++] = rest | 0x80;
      rest >>>= 7;
    }
    bytes[at++] = rest;
    this.at = at;
  }

  /** A field with a 64-bit integer, given as its halves. */
  private wideVarint(field: number, low: number, high: number): void {
    this.reserve(scalarRoom);
    const bytes = this.bytes;
    let at = this.at;
    const tag = field << 3;
    if (tag < 0x80) {
      bytes[at++] = tag;
    } else {
      bytes[at++] = tag | 0x80;
      bytes[at++] = tag >>> 7;
    }
    let lowRest = low >>> 0;
    let highRest = high >>> 0;
    while (highRest > 0 || lowRest > 0x7f) {
      bytes[at++] = lowRest | 0x80;
      lowRest = ((lowRest >>> 7) | (highRest << 25)) >>> 0;
      highRest >>>= 7;
    }
    bytes[at++] = lowRest;
    this.at = at;
  }

  private tag(field: number, wireType: number): void {
    this.reserve(scalarRoom);
    this.length((field << 3) | wireType);
  }

  /** A varint without a tag: room for it is reserved. */
  private length(value: number): void {
    let rest = value;
    while (rest > 0x7f) {
      this.bytes[this.at++] = rest | 0x80;
      rest >>>= 7;
    }
    this.bytes[this.at++] = rest;
  }

  /** Four bytes, the least significant one first: room for them is reserved. */
  private word(value: number): void {
    this.bytes[this.at++] = value;
    this.bytes[this.at++] = value >>> 8;
    this.bytes[this.at++] = value >>> 16;
    this.bytes[this.at++] = value >>> 24;
  }

  /** Length and UTF-8 of a text: room for three bytes a character is reserved. */
  private utf8(value: string): void {
    const guess = varintSize(value.length);
    const start = this.at + guess;
    const size = encoder.encodeInto(value, this.bytes.subarray(start)).written;
    const needed = varintSize(size);
    if (needed !== guess) this.bytes.copyWithin(start - guess + needed, start, start + size);
    this.length(size);
    this.at += size;
  }

  /** Makes sure that `room` more bytes fit. */
  private reserve(room: number): void {
    if (this.at + room > this.bytes.length) this.grow(room);
  }

  private grow(room: number): void {
    const grown = new Uint8Array(Math.max(this.bytes.length * 2, this.at + room));
    grown.set(this.bytes.subarray(this.first, this.at), this.first);
    this.bytes = grown;
  }
}

/** Whether a varint of 32 bits has room for it, as goes for most 64-bit fields of most events. */
function isSmall(value: number | bigint): value is number {
  return typeof value === "number" && value >>> 0 === value;
}

function varintSize(value: number): number {
  return value < 0x80 ? 1 : value < 0x4000 ? 2 : value < 0x200000 ? 3 : value < 0x10000000 ? 4 : 5;
}

/** Digits of an unsigned 32-bit integer in decimal. */
function digitsOf(value: number): number {
  let digits = 1;
  for (let limit = 10; value >= limit; limit *= 10) digits++;
  return digits;
}
