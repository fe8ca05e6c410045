import { test } from "uvu";
import * as assert from "uvu/assert";
import { compileGlob } from "./glob.js";
import { globParts } from "./glob-pattern.js";
import { bytePart } from "./glob-search.js";
import { Random } from "./testing/random.js";
import { utf8 } from "./utf8.js";

test("a part is found at its first place, the last one at the end", () => {
  matches("a*b*c", ["abc", "aXbYc", "abbcc", "abcbc"], ["ab", "acb", "abcd", "xabc"]);
  matches("*ab*ab", ["abab", "xabyab", "ababab"], ["ab", "aab", "abba"]);
  matches("ab*ba", ["abba", "abxba"], ["aba", "ab", "ba"]);
});

test("long parts with sets are found across the words of the automaton", () => {
  for (const length of [30, 31, 32, 61, 62, 63, 93, 200]) {
    const part = `${"a".repeat(length - 1)}[bc]`;
    const find = compileGlob(`*${part}*`);
    for (const before of [0, 1, 30, 31, 100]) {
      assert.ok(find(`${"a".repeat(before)}${"a".repeat(length - 1)}b!`), `${length} behind ${before}`);
      assert.not.ok(find(`${"a".repeat(before)}!${"a".repeat(length - 2)}b!`), `${length} behind ${before}`);
    }
    assert.not.ok(find("a".repeat(1000)));
  }
});

test("expression bomb: LIKE reads each byte of a text once, of 64 KiB, too", () => {
  const parts = [`${"a".repeat(31)}b`, `${"a".repeat(200)}[bc]`, `${"?".repeat(100)}b`, `${"[a-c]".repeat(50)}d`];
  for (const pattern of parts) {
    const part = bytePart(globParts(utf8(pattern))[0]!);
    for (const size of [1024, 65_536]) {
      let reads = 0;
      const get = (bytes: Uint8Array, at: string | symbol) => {
        reads++;
        return Reflect.get(bytes, at);
      };
      assert.is(part.find(new Proxy(new Uint8Array(size).fill(97), { get }), 0, size), -1);
      assert.is(reads, size, `${pattern} in ${size}`);
    }
  }
  // Part by part, each from where the one before ended: tried in all ways there are, this would never end.
  const text = "a".repeat(65_536);
  for (const pattern of [`${"*a".repeat(127)}b`, `${"*?".repeat(127)}b`, `${"a*".repeat(127)}b`]) {
    assert.not(compileGlob(pattern)(text));
    assert.ok(compileGlob(pattern)(`${text}b`));
  }
});

test("bytes count, not characters", () => {
  matches("?", ["a"], ["é", "", "日", "😀"]);
  matches("????", ["😀", "éé", "日a"], ["日", "é"]);
  matches("[é]*", ["éa"], ["a", "e"]);
  // Both characters begin with the same byte.
  matches("[é]?", ["é", "è"], ["ab"]);
  matches("\\é*", ["é", "éa"], ["è", "\\é"]);
  const long = "é".repeat(20_000);
  matches("*?é", [long], [`${long}e`]);
});

test("whatever the pattern and the text: as the plain algorithm says", () => {
  const random = new Random(11);
  for (let round = 0; round < 20_000; round++) {
    const pattern = Array.from({ length: random.below(9) }, () => random.pick([..."**?[]!-\\aabé"])).join("");
    const text = Array.from({ length: random.below(9) }, () => random.pick([..."aaab]-\\é!"])).join("");
    assert.is(compileGlob(pattern)(text), plainMatch(utf8(pattern), utf8(text)), `${pattern} against ${text}`);
  }
});

/** The same meaning by recursion over both, without a thought of time. */
function plainMatch(pattern: Uint8Array, text: Uint8Array): boolean {
  const [first, ...rest] = pattern;
  const patternRest = Uint8Array.from(rest);
  const head = text[0];
  const textRest = text.subarray(1);
  if (first === undefined) return head === undefined;
  const char = String.fromCharCode(first);
  if (char === "*") return plainMatch(patternRest, text) || (head !== undefined && plainMatch(pattern, textRest));
  if (char === "\\" && rest.length === 0) return head === undefined;
  if (char === "?") return head !== undefined && plainMatch(patternRest, textRest);
  if (char === "\\") return head === rest[0] && plainMatch(patternRest.subarray(1), textRest);
  if (char === "[") {
    const source = Buffer.from(pattern).toString("latin1");
    const set = /^\[(!?)((?:.-[^\]]|.)(?:(?!\]).-[^\]]|(?!\]).)*?)\]/s.exec(source);
    if (set !== null && head !== undefined) {
      const [all, bang, body = ""] = set;
      const isIn = [...body.matchAll(/(.)(?:-(.))?/gs)].some(([, from = "", to = from]) => {
        return head >= from.charCodeAt(0) && head <= to.charCodeAt(0);
      });
      return isIn === (bang === "") && plainMatch(pattern.subarray(all.length), textRest);
    }
    if (set !== null) return false;
  }
  return head === first && plainMatch(patternRest, textRest);
}

function matches(pattern: string, yes: readonly string[], no: readonly string[]): void {
  const match = compileGlob(pattern);
  for (const text of yes) assert.ok(match(text), `${pattern} does not match ${text}`);
  for (const text of no) assert.not.ok(match(text), `${pattern} matches ${text}`);
}

test.run();
