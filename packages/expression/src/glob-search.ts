import type { GlobElement } from "./glob-pattern.js";

/** A part of a pattern, to be found in a text whose characters are its bytes. */
export interface GlobPart {
  /** Bytes that it takes. */
  readonly length: number;
  /** It stands at `at`, from where the text has at least `length` bytes. */
  isAt(text: string, at: number): boolean;
  /** The first place from `from` on where it stands; -1 where there is none. Takes time linear in the text. */
  find(text: string, from: number): number;
}

/** Bits of a word of the automaton: as many as V8 keeps unboxed. */
const WORD = 31;

/** Makes a part that can be searched for. */
export function globPart(elements: readonly GlobElement[]): GlobPart {
  const bytes = elements.filter((element) => typeof element === "number");
  return bytes.length === elements.length ? literalPart(String.fromCharCode(...bytes)) : new SetPart(elements);
}

/** A part that is a text itself. V8's search is linear: Boyer and Moore's with the table of good suffixes. */
export function literalPart(literal: string): GlobPart {
  return {
    length: literal.length,
    isAt: (text, at) => text.startsWith(literal, at),
    find: (text, from) => text.indexOf(literal, from),
  };
}

/**
 * A part with sets, found by the Shift-And automaton (Baeza-Yates and Gonnet, 1992): bit i is on where the elements up to
 * i match what was just read.
 */
class SetPart implements GlobPart {
  readonly length: number;
  readonly #elements: readonly GlobElement[];
  readonly #words: number;
  /** By byte and word: which elements take the byte. */
  readonly #takes: Int32Array;
  readonly #state: Int32Array;

  constructor(elements: readonly GlobElement[]) {
    this.length = elements.length;
    this.#elements = elements;
    this.#words = Math.ceil(elements.length / WORD);
    this.#takes = new Int32Array(256 * this.#words);
    this.#state = new Int32Array(this.#words);
    for (let byte = 0; byte < 256; byte++) {
      for (const [index, element] of elements.entries()) {
        if (!takes(element, byte)) continue;
        this.#takes[byte * this.#words + Math.floor(index / WORD)]! |= 1 << (index % WORD);
      }
    }
  }

  isAt(text: string, at: number): boolean {
    for (let index = 0; index < this.length; index++) {
      if (!takes(this.#elements[index] as GlobElement, text.charCodeAt(at + index))) return false;
    }
    return true;
  }

  find(text: string, from: number): number {
    return this.#words === 1 ? this.#findShort(text, from) : this.#findLong(text, from);
  }

  #findShort(text: string, from: number): number {
    const last = 1 << (this.length - 1);
    const table = this.#takes;
    let state = 0;
    for (let at = from; at < text.length; at++) {
      state = ((state << 1) | 1) & table[text.charCodeAt(at)]!;
      if ((state & last) !== 0) return at + 1 - this.length;
    }
    return -1;
  }

  #findLong(text: string, from: number): number {
    const words = this.#words;
    const table = this.#takes;
    const state = this.#state.fill(0);
    const last = 1 << ((this.length - 1) % WORD);
    for (let at = from; at < text.length; at++) {
      const row = text.charCodeAt(at) * words;
      let carry = 1;
      for (let word = 0; word < words; word++) {
        const before = state[word]!;
        state[word] = ((before << 1) | carry) & table[row + word]!;
        carry = (before >>> (WORD - 1)) & 1;
      }
      if ((state[words - 1]! & last) !== 0) return at + 1 - this.length;
    }
    return -1;
  }
}

function takes(element: GlobElement, byte: number): boolean {
  return typeof element === "number" ? element === byte : element[byte] === 1;
}
