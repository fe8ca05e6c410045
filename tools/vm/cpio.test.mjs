import * as assert from "node:assert/strict";
import { test } from "uvu";
import { cpio } from "./cpio.mjs";

test("members are aligned to four bytes and found again by their headers", () => {
  const entries = [
    { path: "bin", mode: 0o040755 },
    { path: "bin/a", mode: 0o100755, contents: Buffer.from("12345") },
    { path: "empty", mode: 0o100644, contents: Buffer.alloc(0) },
  ];
  assert.deepEqual(members(cpio(entries)), [
    { path: "bin", mode: 0o040755, contents: "" },
    { path: "bin/a", mode: 0o100755, contents: "12345" },
    { path: "empty", mode: 0o100644, contents: "" },
    { path: "TRAILER!!!", mode: 0, contents: "" },
  ]);
});

test("the same entries give the same bytes", () => {
  const entries = [{ path: "x", mode: 0o100644, contents: Buffer.from("x") }];
  assert.deepEqual(cpio(entries), cpio(entries));
});

/** @param {Buffer} archive */
function members(archive) {
  const found = [];
  for (let at = 0; at < archive.length; ) {
    assert.equal(archive.toString("latin1", at, at + 6), "070701");
    const field = (/** @type {number} */ i) =>
      Number.parseInt(archive.toString("latin1", at + 6 + 8 * i, at + 14 + 8 * i), 16);
    const [mode, size, nameSize] = [field(1), field(6), field(11)];
    const start = (at + 110 + nameSize + 3) & ~3;
    found.push({
      path: archive.toString("utf8", at + 110, at + 110 + nameSize - 1),
      mode,
      contents: archive.toString("utf8", start, start + size),
    });
    at = (start + size + 3) & ~3;
  }
  return found;
}

test.run();
