import { test } from "uvu";
import * as assert from "uvu/assert";
import { parseDuration } from "./duration.js";
import { CliError } from "./errors.js";

test("times with a unit", () => {
  assert.is(parseDuration("500ms"), 500e6);
  assert.is(parseDuration("5s"), 5e9);
  assert.is(parseDuration("1.5m"), 90e9);
  assert.is(parseDuration("2h"), 7200e9);
});

test("anything else is refused", () => {
  for (const bad of ["", "5", "s", "-1s", "0s", "1 s", "1d", "1e3s", "0.0000001ms", "9999999999h", "Infinitys"]) {
    assert.throws(
      () => parseDuration(bad),
      (error: unknown) => error instanceof CliError && error.code === "usage",
      bad,
    );
  }
});

test.run();
