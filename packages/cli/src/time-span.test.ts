import { test } from "uvu";
import * as assert from "uvu/assert";
import { CliError, ExitStatus } from "./errors.js";
import { parseTimeSpan } from "./time-span.js";

test("times in nanoseconds", () => {
  assert.is(parseTimeSpan("500ms"), 500_000_000);
  assert.is(parseTimeSpan("5s"), 5_000_000_000);
  assert.is(parseTimeSpan("1.5s"), 1_500_000_000);
  assert.is(parseTimeSpan("2m"), 120_000_000_000);
  assert.is(parseTimeSpan("1h"), 3_600_000_000_000);
  assert.is(parseTimeSpan("104d"), 104 * 86_400_000_000_000);
});

test("what is no time is refused", () => {
  for (const text of ["", "5", "s", "5 s", "-5s", "0s", "0.0s", "5sec", "1e3s", "105d", "1s1s", "٣s"]) {
    assert.throws(
      () => parseTimeSpan(text),
      (error: unknown) => error instanceof CliError && error.status === ExitStatus.USAGE,
      text,
    );
  }
});

test.run();
