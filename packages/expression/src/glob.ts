import { type GlobElement, globParts } from "./glob-pattern.js";
import { type GlobPart, globPart, literalPart } from "./glob-search.js";
import { utf8 } from "./utf8.js";

/** Units that `String.fromCharCode` takes at a time. */
const CHUNK = 8192;

/**
 * Makes a function that tells whether a text matches a pattern as `glob_match` of the kernel's lib/glob.c does, byte by
 * byte of its UTF-8, see {@link Like}. It takes time linear in the text, whatever the pattern.
 */
export function compileGlob(pattern: string): (text: string) => boolean {
  const parts = globParts(utf8(pattern));
  // Without `?` and sets it makes no difference whether bytes or characters are compared, and those need no encoding.
  if (parts.every((part) => part.every((element) => typeof element === "number"))) {
    return matcher(parts.map((part) => literalPart(decode(part as number[]))));
  }
  const matches = matcher(parts.map((part: GlobElement[]) => globPart(part)));
  return (text) => matches(bytesOf(text));
}

function matcher(parts: readonly GlobPart[]): (text: string) => boolean {
  const [first, ...others] = parts as [GlobPart, ...GlobPart[]];
  const last = others.pop();
  if (last === undefined) return (text) => text.length === first.length && first.isAt(text, 0);
  const least = first.length + last.length;
  return (text) => {
    const end = text.length - last.length;
    if (text.length < least || !first.isAt(text, 0) || !last.isAt(text, end)) return false;
    let at = first.length;
    for (const part of others) {
      // Between two `*` the first place is as good as any later one.
      const found = part.find(text, at);
      if (found < 0) return false;
      at = found + part.length;
      if (at > end) return false;
    }
    return true;
  };
}

function decode(bytes: readonly number[]): string {
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(Uint8Array.from(bytes));
}

/** A text whose characters are the bytes of this one. */
function bytesOf(text: string): string {
  if (isAscii(text)) return text;
  const bytes = utf8(text);
  let result = "";
  for (let at = 0; at < bytes.length; at += CHUNK) result += String.fromCharCode(...bytes.subarray(at, at + CHUNK));
  return result;
}

function isAscii(text: string): boolean {
  for (let at = 0; at < text.length; at++) if (text.charCodeAt(at) > 0x7f) return false;
  return true;
}
