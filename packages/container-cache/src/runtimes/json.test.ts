import { test } from "uvu";
import * as assert from "uvu/assert";
import { at, countAt, listAt, numberAt, parseJson, textAt, textsAt, timeAt } from "./json.js";

test("what is not of the form that is wanted reads as nothing", () => {
  const odd = parseJson('{"a": {"b": 5, "c": "x", "d": [1], "e": null, "__proto__": {"f": 1}}, "n": -1, "big": 1e300}');
  assert.is(parseJson("{"), undefined);
  assert.equal([textAt(odd, "a", "b"), textAt(odd, "a", "c"), textAt(odd, "a", "c", "length")], ["", "x", ""]);
  assert.equal(
    [countAt(odd, "n"), countAt(odd, "big"), countAt(odd, "a", "b"), numberAt(odd, "n")],
    [undefined, undefined, 5, -1],
  );
  assert.equal([listAt(odd, "a", "d"), listAt(odd, "a")], [[1], []]);
  assert.equal(textsAt(odd, "a"), { c: "x" });
  assert.equal(
    [at(odd, "a", "toString"), at(odd, "constructor"), at(undefined, "a"), at(null, "a")],
    Array(4).fill(undefined),
  );
});

test("times keep their fraction, and the year 1 is none", () => {
  const time = (text: unknown) => timeAt({ text }, "text");
  assert.is(time("2026-11-26T09:23:15.763184742Z"), Date.parse("2026-11-26T09:23:15Z") + 763.184742);
  assert.is(time("2026-11-26T10:23:15+01:00"), Date.parse("2026-11-26T09:23:15Z"));
  for (const text of ["0001-01-01T00:00:00Z", "2026-11-26", "yesterday", 5, undefined, "2026-99-99T00:00:00Z"]) {
    assert.is(time(text), undefined, String(text));
  }
});

test.run();
