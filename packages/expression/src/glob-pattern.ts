/** What one byte of a text has to be: a certain byte, or one of a set of 256. */
export type GlobElement = number | Uint8Array;

const [STAR, QUESTION, OPEN, CLOSE, BACKSLASH, BANG, DASH] = [..."*?[]\\!-"].map((char) => char.charCodeAt(0));

/** Any byte but NUL, which no text has. */
const anyByte = new Uint8Array(256).fill(1);

/**
 * Cuts a pattern at its `*`: what stands before the first, between two, and behind the last, each as the bytes that it
 * takes. A pattern without `*` is one part. What is special, and that a `[` without its `]` is not, is as in `glob_match`
 * of the kernel's lib/glob.c.
 *
 * @param pattern bytes
 */
export function globParts(pattern: Uint8Array): GlobElement[][] {
  let part: GlobElement[] = [];
  const parts = [part];
  for (let at = 0; at < pattern.length; ) {
    const byte = pattern[at++] as number;
    if (byte === STAR) {
      part = [];
      parts.push(part);
    } else if (byte === QUESTION) part.push(anyByte);
    else if (byte === BACKSLASH) {
      // As the last character it takes the end of the text for itself.
      if (at < pattern.length) part.push(pattern[at++] as number);
    } else {
      const read = byte === OPEN ? readSet(pattern, at) : undefined;
      part.push(read?.set ?? byte);
      at = read?.end ?? at;
    }
  }
  return parts;
}

/** Reads a set from behind its `[`; undefined where it has no end. */
function readSet(pattern: Uint8Array, start: number): { set: Uint8Array; end: number } | undefined {
  const isInverted = pattern[start] === BANG;
  const set = new Uint8Array(256).fill(isInverted ? 1 : 0);
  let at = isInverted ? start + 1 : start;
  let first = pattern[at++];
  // The first byte is one of the set even where it is a `]`.
  do {
    let last = first;
    if (pattern[at] === DASH && pattern[at + 1] !== CLOSE) {
      last = pattern[at + 1];
      at += 2;
    }
    if (first === undefined || last === undefined) return undefined;
    set.fill(isInverted ? 0 : 1, first, Math.max(first, last + 1));
    first = pattern[at++];
  } while (first !== CLOSE);
  return { set, end: at };
}
