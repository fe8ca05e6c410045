import { test } from "uvu";
import * as assert from "uvu/assert";
import { compile } from "./compile.js";
import { compileGlob } from "./glob.js";
import { compileGlobEnd } from "./glob-end.js";
import { parse } from "./parse.js";
import { Random } from "./testing/random.js";
import { TextEnd } from "./text-end.js";

test("of a text whose end alone is known: what can be true passes, and what cannot does not", () => {
  const types = { name: "string", flags: "int32" } as const;
  const passes = (where: string, end: string) =>
    compile(parse(where, types), types)((name) => (name === "name" ? new TextEnd(end) : 3));
  const end = "/src/lib/index.js";
  for (const where of [
    'name ~ "/srv/*"',
    '!(name ~ "/srv/*")',
    'name ~ "*.js"',
    'name ~ "*/lib/*"',
    'name ~ "*/etc/*"',
    'name == "/srv/src/lib/index.js"',
    'name != "/srv/src/lib/index.js"',
    'name != "/etc/passwd"',
    "name is not null",
    'name ~ "/srv/*" && flags == 3',
    '!(name ~ "*.css" || flags == 4)',
  ]) {
    assert.ok(passes(where, end), where);
  }
  for (const where of [
    'name ~ "*.css"',
    'name ~ "/srv/*.css"',
    'name ~ "index.js"',
    '!(name ~ "*.js")',
    '!(name ~ "*/lib/*")',
    'name == "/srv/src/lib/index.css"',
    'name == "index.js"',
    "name is null",
    'name ~ "/srv/*" && flags == 4',
  ]) {
    assert.not.ok(passes(where, end), where);
  }
});

test("whatever the pattern: a whole text passes only what its end may", () => {
  const random = new Random(7);
  const text = (characters: string, most: number) =>
    Array.from({ length: random.below(most) }, () => random.pick([...characters])).join("");
  for (let round = 0; round < 20_000; round++) {
    const pattern = text("**?[]!-\\aabé", 9);
    const end = text("aab]-\\é!", 5);
    const whole = text("aab]-\\é!", 5) + end;
    const matches = compileGlob(pattern)(whole);
    const { mayMatch, mayDiffer } = compileGlobEnd(pattern);
    assert.ok(matches ? mayMatch(end) : mayDiffer(end), `${pattern} against ${whole}, of which ${end} is known`);
  }
});

test.run();
