import { test } from "uvu";
import * as assert from "uvu/assert";
import { countResults, failedTests } from "./test-results.mjs";

const totals = (total, passed, skipped) => `\n  Total:     ${total}\n  Passed:    ${passed}\n  Skipped:   ${skipped}\n`;

test("counts what passed, failed and was skipped", () => {
  assert.equal(countResults(totals(3, 3, 1), undefined), { passed: 3, failed: 0, skipped: 1, reason: "" });
  assert.equal(countResults(totals(3, 1, 0), "ended with status 1").failed, 2);
});

test("a file without totals, without tests, or with a bad end has failed", () => {
  assert.is(countResults("", undefined).failed, 1);
  assert.is(countResults(totals(0, 0, 0), undefined).failed, 1);
  assert.is(countResults(totals(2, 2, 0), "ended with SIGSEGV").failed, 1);
});

test("a file of which everything is skipped has neither passed nor failed", () => {
  assert.equal(countResults(totals(0, 0, 2), undefined), { passed: 0, failed: 0, skipped: 2, reason: "" });
});

test("the reports of failed tests are found, without empty lines and each cut to its beginning", () => {
  const report = (name, lines) => `\n   FAIL  "${name}"\n    unlike\n\n${"    at x\n".repeat(lines)}`;
  const lines = failedTests(`• ✘ • ✘   (2 / 4)\n${report("a", 1)}${report("b", 50)}`);
  assert.equal(lines.slice(0, 4), ['   FAIL  "a"', "    unlike", "    at x", '   FAIL  "b"']);
  assert.is(lines.length, 3 + 25);
  assert.equal(failedTests(totals(3, 3, 0)), []);
});

test.run();
