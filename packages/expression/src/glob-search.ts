import type { GlobElement } from "./glob-pattern.js";

/** A part of a pattern, to be found among the bytes of a text. */
export interface BytePart {
  /** Bytes that it takes. */
  readonly length: number;
  /** It stands at `at`, from where there are at least `length` bytes. */
  isAt(bytes: Uint8Array, at: number): boolean;
  /**
   * The first place from `from` on where it stands and ends before `end`; -1 where there is none. Takes time linear in
   * the bytes, whatever they are.
   */
  find(bytes: Uint8Array, from: number, end: number): number;
}

/** Bits of a word of the automaton. */
const WORD = 32;
/** Words of the long automaton: patterns have 255 elements at the most. */
const WORDS = 8;

/**
 * Makes a part that can be searched for. It is found by the Shift-And automaton (Baeza-Yates and Gonnet, 1992): bit i is
 * on where the elements up to i match what was just read.
 */
export function bytePart(elements: readonly GlobElement[]): BytePart {
  const { length } = elements;
  const isAt = (bytes: Uint8Array, at: number) => {
    for (let index = 0; index < length; index++) {
      if (!takes(elements[index] as GlobElement, bytes[at + index] as number)) return false;
    }
    return true;
  };
  if (length === 0) return { length, isAt, find: (_, from, end) => (from <= end ? from : -1) };
  const find = length <= WORD ? shortSearch(elements) : longSearch(elements);
  return { length, isAt, find };
}

function shortSearch(elements: readonly GlobElement[]): BytePart["find"] {
  const { length } = elements;
  const table = automaton(elements, 1);
  const last = 1 << (length - 1);
  return (bytes, from, end) => {
    let state = 0;
    for (let at = from; at < end; at++) {
      state = ((state << 1) | 1) & table[bytes[at]!]!;
      if ((state & last) !== 0) return at + 1 - length;
    }
    return -1;
  };
}

/** The words are variables of their own, because an array of them would take four times as long. */
function longSearch(elements: readonly GlobElement[]): BytePart["find"] {
  const { length } = elements;
  // Its last element is at the highest bit, so that the automaton need not know how long it is.
  const free = WORDS * WORD - length;
  const anything: GlobElement[] = Array(free).fill(new Uint8Array(256).fill(1));
  const table = automaton([...anything, ...elements], WORDS);
  // What is put before the first element has matched already.
  const start = ones(free);
  return (bytes, from, end) => {
    let [a, b, c, d, e, f, g, h] = start as [number, number, number, number, number, number, number, number];
    for (let at = from; at < end; at++) {
      const row = bytes[at]! * WORDS;
      h = ((h << 1) | (g >>> 31)) & table[row + 7]!;
      g = ((g << 1) | (f >>> 31)) & table[row + 6]!;
      f = ((f << 1) | (e >>> 31)) & table[row + 5]!;
      e = ((e << 1) | (d >>> 31)) & table[row + 4]!;
      d = ((d << 1) | (c >>> 31)) & table[row + 3]!;
      c = ((c << 1) | (b >>> 31)) & table[row + 2]!;
      b = ((b << 1) | (a >>> 31)) & table[row + 1]!;
      a = ((a << 1) | 1) & table[row]!;
      if (h < 0) return at + 1 - length;
    }
    return -1;
  };
}

/** Words whose lowest `count` bits are on. */
function ones(count: number): number[] {
  return Array.from({ length: WORDS }, (_, word) => {
    const bits = Math.min(Math.max(count - word * WORD, 0), WORD);
    return bits === WORD ? -1 : (1 << bits) - 1;
  });
}

/** By byte and word: which elements take the byte. */
function automaton(elements: readonly GlobElement[], words: number): Int32Array {
  const table = new Int32Array(256 * words);
  for (const [index, element] of elements.entries()) {
    const word = Math.floor(index / WORD);
    const bit = 1 << (index % WORD);
    for (let byte = 0; byte < 256; byte++) if (takes(element, byte)) table[byte * words + word]! |= bit;
  }
  return table;
}

/** Whether a byte is what an element asks for. */
export function takes(element: GlobElement, byte: number): boolean {
  return typeof element === "number" ? element === byte : element[byte] === 1;
}
