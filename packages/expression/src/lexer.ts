import { ExpressionError } from "./errors.js";
import { readString } from "./string-literal.js";

/** `end` stands behind the last one. */
export type TokenKind = "name" | "number" | "string" | "operator" | "end";

export interface Token {
  readonly kind: TokenKind;
  /** The operator, name or number as it stands there; for a string what it says. */
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

const space = /\s+/y;
const name = /[A-Za-z_][A-Za-z0-9_]*/y;
/** Whatever begins like a number, so that `12ab` is a bad number rather than a number and a name. */
const number = /-?(?:0[xX]\w*|\d\w*(?:\.\w*)?(?:(?<=[eE])[+-]\w*)?)/y;
const operator = /&&|\|\||[=!<>]=|[!<>&~()]/y;

/** What people write in its place. */
const mistaken: Readonly<Record<string, string>> = {
  "=": "write == for equal",
  "|": "write || for or",
  "+": "there is no arithmetic, and numbers have no +",
  "-": "there is no arithmetic; a negative number has its - right before its digits",
};

/**
 * Reads the token that stands at an offset or behind white space there; at the end of the text one that says so.
 *
 * @throws ExpressionError `syntax`
 */
export function tokenFrom(text: string, offset: number): Token {
  const start = skip(space, text, offset);
  return start < text.length ? tokenAt(text, start) : { kind: "end", text: "", start, end: start };
}

function tokenAt(text: string, start: number): Token {
  const char = text[start] as string;
  if (char === '"' || char === "'") {
    const read = readString(text, start);
    if ("value" in read) return { kind: "string", text: read.value, start, end: read.end };
    throw new ExpressionError("syntax", read.reason, read.remedy, { start: read.at, end: read.at + read.length });
  }
  for (const [kind, pattern] of [
    ["name", name],
    ["number", number],
    ["operator", operator],
  ] as const) {
    const end = skip(pattern, text, start);
    if (end > start) return { kind, text: text.slice(start, end), start, end };
  }
  const shown = String.fromCodePoint(text.codePointAt(start) as number);
  const remedy = Object.hasOwn(mistaken, char)
    ? (mistaken[char] as string)
    : "operators are && || ! == != < <= > >= ~ &";
  const end = start + shown.length;
  throw new ExpressionError("syntax", `${JSON.stringify(shown)} is not understood`, remedy, { start, end });
}

/** Where the text goes on behind the pattern, or `at` where it does not stand there. */
function skip(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at;
  return pattern.test(text) ? pattern.lastIndex : at;
}
