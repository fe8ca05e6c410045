import { type GlobElement, globParts } from "./glob-pattern.js";
import { type BytePart, bytePart } from "./glob-search.js";
import { Utf8Buffer, utf8 } from "./utf8.js";

/** Characters up to which a text is searched as it is: in longer ones V8's search could take too long. */
const SHORT = 256;
const buffer = new Utf8Buffer();

/**
 * Makes a function that tells whether a text matches a pattern as `glob_match` of the kernel's lib/glob.c does, byte by
 * byte of its UTF-8, see {@link Like}. It takes time linear in the text, whatever the pattern.
 */
export function compileGlob(pattern: string): (text: string) => boolean {
  const parts = globParts(utf8(pattern));
  const inBytes = byteMatcher(parts);
  // Without `?` and sets it makes no difference whether bytes or characters are compared, and those need no encoding.
  if (!parts.every((part) => part.every((element) => typeof element === "number"))) return inBytes;
  const [first = "", ...others] = parts.map((part) => decode(part as number[]));
  const last = others.pop();
  if (last === undefined) return (text) => text === first;
  const least = first.length + last.length;
  if (others.length === 0) {
    if (first === "") return (text) => text.endsWith(last);
    if (last === "") return (text) => text.startsWith(first);
    return (text) => text.length >= least && text.startsWith(first) && text.endsWith(last);
  }
  return (text) => {
    if (text.length > SHORT) return inBytes(text);
    if (text.length < least || !text.startsWith(first) || !text.endsWith(last)) return false;
    let at = first.length;
    for (const part of others) {
      // Between two `*` the first place is as good as any later one.
      const found = text.indexOf(part, at);
      if (found < 0) return false;
      at = found + part.length;
    }
    return at <= text.length - last.length;
  };
}

function byteMatcher(parts: readonly GlobElement[][]): (text: string) => boolean {
  const [first, ...others] = parts.map(bytePart) as [BytePart, ...BytePart[]];
  const last = others.pop();
  return (text) => {
    const length = buffer.write(text);
    const { bytes } = buffer;
    if (last === undefined) return length === first.length && first.isAt(bytes, 0);
    const end = length - last.length;
    if (end < first.length || !first.isAt(bytes, 0) || !last.isAt(bytes, end)) return false;
    let at = first.length;
    for (const part of others) {
      at = part.find(bytes, at, end);
      if (at < 0) return false;
      at += part.length;
    }
    return true;
  };
}

function decode(bytes: readonly number[]): string {
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(Uint8Array.from(bytes));
}
