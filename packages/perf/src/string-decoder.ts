import { decodeEscaped } from "./escaped-text.js";
import type { RawMemory } from "./raw-memory.js";

/** Slots of the table of short strings. */
const SLOTS = 4096;
/** Bytes of `task_struct.comm`, and the longest string that is interned. */
const SHORT = 16;

/**
 * Decodes C strings as UTF-8, with bytes that are none as {@link decodeEscaped} says. Short ones, which are mostly the same few names of tasks, are
 * looked up by their bytes in a table of a fixed size, which is twenty times faster than decoding them.
 */
export class StringDecoder {
  readonly #memory: RawMemory;
  readonly #keys = new Uint32Array(SLOTS * 4);
  readonly #strings: string[] = new Array(SLOTS).fill("");

  constructor(memory: RawMemory) {
    this.#memory = memory;
  }

  /** The string of at most `length` bytes at byte offset `at`, up to its NUL. */
  decode(at: number, length: number): string {
    if (length <= 0) return "";
    if (length > SHORT) return this.#decodeLong(at, length);
    const { u32, view } = this.#memory;
    if (length === SHORT && (at & 3) === 0) {
      const word = at >> 2;
      return this.#intern(u32[word]!, u32[word + 1]!, u32[word + 2]!, u32[word + 3]!, at, length);
    }
    return this.#intern(
      partialWord(view, at, length),
      partialWord(view, at + 4, length - 4),
      partialWord(view, at + 8, length - 8),
      partialWord(view, at + 12, length - 12),
      at,
      length,
    );
  }

  #intern(a: number, b: number, c: number, d: number, at: number, length: number): string {
    let hash =
      Math.imul(a, 0x9e37_79b1) ^ Math.imul(b, 0x85eb_ca77) ^ Math.imul(c, 0xc2b2_ae3d) ^ Math.imul(d, 0x27d4_eb2f);
    hash ^= hash >>> 15;
    const slot = hash & (SLOTS - 1);
    const key = slot << 2;
    const keys = this.#keys;
    if (keys[key] === a && keys[key + 1] === b && keys[key + 2] === c && keys[key + 3] === d)
      return this.#strings[slot]!;
    keys[key] = a;
    keys[key + 1] = b;
    keys[key + 2] = c;
    keys[key + 3] = d;
    const text = this.#decodeLong(at, length);
    this.#strings[slot] = text;
    return text;
  }

  #decodeLong(at: number, length: number): string {
    const { u8, bytes } = this.#memory;
    let end = at;
    let high = 0;
    for (const limit = at + length; end < limit; end++) {
      const byte = u8[end]!;
      if (byte === 0) break;
      high |= byte;
    }
    if (high < 0x80) return bytes.latin1Slice(at, end);
    const text = bytes.utf8Slice(at, end);
    return text.includes("\ufffd") ? decodeEscaped(u8, at, end) : text;
  }
}

/** The first `length` bytes (≤ 0: none) of the little-endian word at `at`. */
function partialWord(view: DataView, at: number, length: number): number {
  if (length >= 4) return view.getUint32(at, true);
  if (length <= 0) return 0;
  let word = view.getUint8(at);
  if (length > 1) word |= view.getUint8(at + 1) << 8;
  if (length > 2) word |= view.getUint8(at + 2) << 16;
  return word;
}
