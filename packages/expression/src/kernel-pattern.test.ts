import { test } from "uvu";
import * as assert from "uvu/assert";
import { compileGlob } from "./glob.js";
import { kernelPattern } from "./kernel-pattern.js";
import { Random } from "./testing/random.js";
import { texts } from "./testing/vectors.js";

test("what leads the kernel to one of its short cuts is written another way", () => {
  assert.is(kernelPattern("!a"), "\\!a");
  assert.is(kernelPattern("9*"), "\\9*");
  assert.is(kernelPattern("*.so"), "*\\.so");
  assert.is(kernelPattern("*a*"), "*\\a*");
  assert.is(kernelPattern("*"), "**");
  assert.is(kernelPattern("a[!b]"), undefined);
  for (const same of ["", "a", "a*", "a*b", "*a*b", "*a?", "?", "[a]*"]) assert.is(kernelPattern(same), same);
});

test("and means the same", () => {
  const random = new Random(7);
  for (let round = 0; round < 5000; round++) {
    const pattern = Array.from({ length: random.below(6) }, () => random.pick([..."*?[]!-\\ab1é"])).join("");
    const written = kernelPattern(pattern);
    if (written === undefined) continue;
    for (const text of texts) {
      assert.is(compileGlob(written)(text), compileGlob(pattern)(text), `${pattern} as ${written}: ${text}`);
    }
  }
});

test.run();
