/**
 * Whether a text matches a shell glob: `*` is any text and `?` any character, but neither crosses a `/`; `[a-z]` is one
 * of a set and `[!a-z]` one that is not; `\` takes the next character for itself. The time it takes is bounded by the
 * product of the lengths, whatever the pattern.
 */
export function matchesGlob(pattern: string, text: string): boolean {
  let p = 0;
  let t = 0;
  let star = -1;
  let starText = 0;
  while (t < text.length) {
    if (pattern[p] === "*") {
      star = ++p;
      starText = t;
      continue;
    }
    const next = p < pattern.length ? matchOne(pattern, p, text[t]!) : -1;
    if (next >= 0) {
      p = next;
      t++;
    } else if (star >= 0 && text[starText] !== "/") {
      p = star;
      t = ++starText;
    } else {
      return false;
    }
  }
  while (pattern[p] === "*") p++;
  return p === pattern.length;
}

/** Where the pattern goes on behind what matches a character; −1: nothing does. */
function matchOne(pattern: string, at: number, character: string): number {
  switch (pattern[at]) {
    case "?":
      return character === "/" ? -1 : at + 1;
    case "\\":
      if (at + 1 === pattern.length) return character === "\\" ? at + 1 : -1;
      return pattern[at + 1] === character ? at + 2 : -1;
    case "[":
      return matchSet(pattern, at, character);
    default:
      return pattern[at] === character ? at + 1 : -1;
  }
}

/** A bracket that is not closed stands for itself. */
function matchSet(pattern: string, at: number, character: string): number {
  let p = at + 1;
  const inverted = pattern[p] === "!" || pattern[p] === "^";
  if (inverted) p++;
  let found = false;
  const first = p;
  for (; p < pattern.length && (pattern[p] !== "]" || p === first); p++) {
    const from = pattern[p]!;
    if (pattern[p + 1] === "-" && p + 2 < pattern.length && pattern[p + 2] !== "]") {
      p += 2;
      found ||= from <= character && character <= pattern[p]!;
    } else {
      found ||= from === character;
    }
  }
  if (p >= pattern.length) return character === "[" ? at + 1 : -1;
  return character !== "/" && found !== inverted ? p + 1 : -1;
}
