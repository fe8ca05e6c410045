import { eventKinds } from "@kernscope/telemetry-api";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { CliError, ExitStatus } from "./errors.js";
import { defaultSelectors, parseSelectors } from "./selectors.js";

test("kinds by their names", () => {
  assert.equal(parseSelectors(defaultSelectors), [{ kind: "fork" }, { kind: "exec" }, { kind: "exit" }]);
  const all = Object.keys(eventKinds);
  assert.equal(
    parseSelectors(all).map(({ kind }) => kind),
    all,
  );
  assert.equal(parseSelectors([" exec ", "exec", "exec"]), [{ kind: "exec" }, { kind: "exec" }]);
  assert.equal(parseSelectors([]), []);
});

test("an unknown kind is refused, with the one that was meant", () => {
  refused("exce", /^"exce": .* – did you mean exec\?$/);
  refused("", /^"": .* The kinds are fork, exec/);
  refused("toString", /^"toString": /);
  refused("\u001b[31mexec", /^"\\u001b\[31mexec": /);
});

test("conditions are refused for now, and so is what is neither", () => {
  refused("exec where filename == '/bin/true'", /not supported yet – /);
  refused("exec  WHERE\nx", /not supported yet – /);
  refused("where", /no kind before the condition/);
  refused("exec fork", /more than a kind/);
  refused("exec wherever", /more than a kind/);
});

function refused(text: string, message: RegExp): void {
  try {
    parseSelectors([text]);
  } catch (error) {
    assert.instance(error, CliError);
    assert.is((error as CliError).status, ExitStatus.USAGE);
    assert.match((error as CliError).message, message);
    return;
  }
  assert.unreachable(`not refused: ${text}`);
}

test.run();
