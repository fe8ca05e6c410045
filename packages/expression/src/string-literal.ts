/** Text of the escapes that have a letter. */
const letters: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t", "\\": "\\", '"': '"', "'": "'" };

/** Why a string literal is none: `at` and `length` in UTF-16 units. */
export interface BadLiteral {
  readonly at: number;
  readonly length: number;
  readonly reason: string;
  readonly remedy: string;
}

/**
 * Reads a string literal, `"…"` or `'…'` with the escapes `\n \r \t \\ \" \' \xHH` (a character up to 7f) and `\u{H…}`.
 *
 * @param start where its first quote stands
 * @returns what it says, and where the text goes on
 */
export function readString(text: string, start: number): { value: string; end: number } | BadLiteral {
  const quote = text[start];
  let value = "";
  for (let at = start + 1; at < text.length; ) {
    const char = text[at] as string;
    if (char === quote) return { value, end: at + 1 };
    if (char !== "\\") {
      value += char;
      at++;
      continue;
    }
    const letter = text[at + 1] ?? "";
    const short = Object.hasOwn(letters, letter) ? letters[letter] : undefined;
    if (short !== undefined) {
      value += short;
      at += 2;
      continue;
    }
    const [sequence, hex] = matchAt(/\\(?:x([0-7][0-9a-fA-F])|u\{([0-9a-fA-F]{1,6})\})/y, text, at);
    const code = Number.parseInt(hex ?? "", 16);
    if (sequence === undefined || code > 0x10ffff) {
      const remedy = "escapes are \\n \\r \\t \\\\ \\\" \\' \\x41 \\u{e9}; a backslash itself is \\\\";
      return { at, length: letter === "" ? 1 : 2, reason: "no such escape", remedy };
    }
    value += String.fromCodePoint(code);
    at += sequence.length;
  }
  return {
    at: start,
    length: text.length - start,
    reason: "the string does not end",
    remedy: `put a ${quote} behind it`,
  };
}

/** The literal that {@link readString} reads, in ASCII where a character would not show itself. */
export function printString(value: string): string {
  const escaped = value.replace(/["\\]|[\p{C}\p{Zl}\p{Zp}]/gu, (char) => {
    if (char === '"' || char === "\\") return `\\${char}`;
    const code = char.codePointAt(0) as number;
    const named = Object.keys(letters).find((letter) => letters[letter] === char);
    if (named !== undefined) return `\\${named}`;
    return code < 0x80 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u{${code.toString(16)}}`;
  });
  return `"${escaped}"`;
}

function matchAt(pattern: RegExp, text: string, at: number): [string | undefined, string | undefined] {
  pattern.lastIndex = at;
  const match = pattern.exec(text);
  return [match?.[0], match?.[1] ?? match?.[2]];
}
