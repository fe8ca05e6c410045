/** What stands in a pattern: a character, one of a set, or a run of any. */
type Element = string | CharacterSet | typeof ANY_RUN;

interface CharacterSet {
  readonly inverted: boolean;
  /** The lowest and the highest character of each of its ranges. */
  readonly bounds: string;
}

const ANY_RUN = Symbol("*");
const ANY_ONE: CharacterSet = { inverted: true, bounds: "" };

/**
 * Makes a function that tells whether a text matches a shell glob: `*` is any text and `?` any character, but neither
 * crosses a `/`; `[a-z]` is one of a set and `[!a-z]` one that is not; `\` takes the next character for itself. The time
 * it takes is bounded by the product of the lengths, whatever the pattern.
 */
export function pathGlob(pattern: string): (text: string) => boolean {
  const elements = elementsOf(pattern);
  return (text) => {
    let at = 0;
    let t = 0;
    let run = -1;
    let runText = 0;
    while (t < text.length) {
      const element = elements[at];
      if (element === ANY_RUN) {
        run = ++at;
        runText = t;
      } else if (element !== undefined && takes(element, text[t]!)) {
        at++;
        t++;
      } else if (run >= 0 && text[runText] !== "/") {
        at = run;
        t = ++runText;
      } else {
        return false;
      }
    }
    while (elements[at] === ANY_RUN) at++;
    return at === elements.length;
  };
}

function elementsOf(pattern: string): Element[] {
  const elements: Element[] = [];
  // A bracket that is not closed stands for itself, and so do all behind it.
  const lastClosing = pattern.lastIndexOf("]");
  for (let at = 0; at < pattern.length; at++) {
    const character = pattern[at]!;
    const set = character === "[" && at < lastClosing ? setAt(pattern, at) : undefined;
    if (set !== undefined) {
      elements.push(set);
      at = set.end;
    } else if (character === "*") {
      elements.push(ANY_RUN);
    } else if (character === "?") {
      elements.push(ANY_ONE);
    } else {
      elements.push(character === "\\" && at + 1 < pattern.length ? pattern[++at]! : character);
    }
  }
  return elements;
}

/** The set that a bracket opens, and where its closing one stands; `undefined` where there is none. */
function setAt(pattern: string, at: number): (CharacterSet & { end: number }) | undefined {
  let p = at + 1;
  const inverted = pattern[p] === "!" || pattern[p] === "^";
  if (inverted) p++;
  let bounds = "";
  const first = p;
  for (; p < pattern.length && (pattern[p] !== "]" || p === first); p++) {
    const from = pattern[p]!;
    const isRange = pattern[p + 1] === "-" && p + 2 < pattern.length && pattern[p + 2] !== "]";
    if (isRange) p += 2;
    bounds += from + pattern[p];
  }
  return p < pattern.length ? { inverted, bounds, end: p } : undefined;
}

function takes(element: string | CharacterSet, character: string): boolean {
  if (typeof element === "string") return element === character;
  const { inverted, bounds } = element;
  let found = false;
  for (let at = 0; at < bounds.length && !found; at += 2) {
    found = bounds[at]! <= character && character <= bounds[at + 1]!;
  }
  return character !== "/" && found !== inverted;
}
