import { compileGlob } from "./glob.js";
import { globParts } from "./glob-pattern.js";
import { takes } from "./glob-search.js";
import { utf8 } from "./utf8.js";

/** What can be said of a text by its end: whether it may match a pattern, and whether it may not. */
export interface GlobEnd {
  mayMatch(end: string): boolean;
  mayDiffer(end: string): boolean;
}

/** Compares a pattern, as {@link compileGlob} takes it, with texts of which the end alone is known. */
export function compileGlobEnd(pattern: string): GlobEnd {
  const parts = globParts(utf8(pattern));
  const last = parts.at(-1)!;
  const matches = compileGlob(pattern);
  // Whatever stands before the end is taken by the `*` that the pattern begins with.
  const takesAnyStart = parts.length > 1 && parts[0]!.length === 0;
  return {
    mayMatch(end) {
      const bytes = utf8(end);
      if (parts.length === 1 && bytes.length > last.length) return false;
      for (let back = 1; back <= last.length && back <= bytes.length; back++) {
        if (!takes(last[last.length - back]!, bytes[bytes.length - back]!)) return false;
      }
      return true;
    },
    mayDiffer: (end) => !(takesAnyStart && matches(end)),
  };
}
