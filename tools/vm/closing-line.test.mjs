import * as assert from "node:assert/strict";
import { test } from "uvu";
import { closingLine, parseClosingLine, sumCounts } from "./closing-line.mjs";

test("a closing line is read back as it was written", () => {
  const counts = { passed: 12, failed: 3, skipped: 0 };
  assert.equal(closingLine(counts), "12 passed, 3 failed, 0 skipped");
  assert.deepEqual(parseClosingLine(closingLine(counts)), counts);
});

test("anything else is no closing line", () => {
  for (const line of [undefined, "", "1 passed", "x 1 passed, 0 failed, 0 skipped", "1 passed, 0 failed, 0 skipped."]) {
    assert.equal(parseClosingLine(line), undefined);
  }
});

test("counts add up", () => {
  assert.deepEqual(sumCounts([]), { passed: 0, failed: 0, skipped: 0 });
  assert.deepEqual(
    sumCounts([
      { passed: 1, failed: 2, skipped: 3 },
      { passed: 10, failed: 20, skipped: 30 },
    ]),
    { passed: 11, failed: 22, skipped: 33 },
  );
});

test.run();
