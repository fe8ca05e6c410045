import { test } from "uvu";
import * as assert from "uvu/assert";
import { CliError } from "./errors.js";
import { parseSelectors } from "./selectors.js";

const kinds = (...words: string[]) => parseSelectors(words).map(({ kind }) => kind);

const refusal = (...words: string[]): string => {
  try {
    parseSelectors(words);
  } catch (error) {
    assert.instance(error, CliError);
    return (error as CliError).message;
  }
  return assert.unreachable() as never;
};

test("kinds by name; none is all process events", () => {
  assert.equal(kinds("exec", "exit"), ["exec", "exit"]);
  assert.equal(kinds(), ["fork", "exec", "exit"]);
});

test("an unknown kind is refused, and the nearest one named", () => {
  assert.match(refusal("exce"), /"exce".*did you mean exec\?/);
  assert.match(refusal("exec fork"), "no selector");
  assert.match(refusal(""), "no event of this kind");
});

test("expressions are refused, in one word or several", () => {
  assert.match(refusal('exec where filename ~ "/bin/*"'), "not served yet");
  assert.match(refusal("exec", "where", "filename", "~", "x"), "not served yet");
});

test.run();
