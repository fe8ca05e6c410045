import { test } from "uvu";
import * as assert from "uvu/assert";
import { pathGlob } from "./glob.js";

const cases: [pattern: string, text: string, matches: boolean][] = [
  ["nginx", "nginx", true],
  ["nginx", "nginx:1", false],
  ["nginx*", "nginx:1.27", true],
  ["*", "library/nginx", false],
  ["*/*", "library/nginx", true],
  ["docker.io/*/nginx:*", "docker.io/library/nginx:1.27", true],
  ["docker.io/*/nginx:*", "docker.io/a/b/nginx:1.27", false],
  ["a*b*c", "axxbyyc", true],
  ["a*b*c", "axxbyy", false],
  ["a?c", "abc", true],
  ["a?c", "a/c", false],
  ["[a-c]x", "bx", true],
  ["[!a-c]x", "bx", false],
  ["[!a-c]x", "dx", true],
  ["[!a]", "/", false],
  ["[]]", "]", true],
  ["[ab", "[ab", true],
  ["[]", "[]", true],
  ["[a]-[", "a-[", true],
  ["[^a-c]x", "bx", false],
  ["[-a]", "-", true],
  ["[a-]", "-", true],
  ["a\\", "a\\", true],
  ["\\*", "*", true],
  ["\\*", "x", false],
  ["", "", true],
  ["*", "", true],
  ["", "x", false],
];

test("globs as the shell takes them for paths", () => {
  for (const [pattern, text, matches] of cases) {
    assert.is(pathGlob(pattern)(text), matches, `${pattern} and ${text}`);
  }
});

test("a pattern of many stars takes no longer than its length allows", () => {
  const text = "a".repeat(1000);
  // Tried one after the other in all ways there are, this would never end.
  assert.is(pathGlob(`${"a*".repeat(500)}b`)(text), false);
  assert.is(pathGlob(`*${"[".repeat(1000)}`)("[".repeat(1001)), true);
  assert.is(pathGlob(`*${"[".repeat(1000)}x`)("[".repeat(1001)), false);
});

test.run();
