import * as assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import { finished } from "node:stream/promises";
import { test } from "uvu";
import { LinePrefixer } from "./line-prefixer.mjs";

test("lines are put together from pieces, however they are cut", async () => {
  const bytes = Buffer.from("one\n\nzwölf\r\nlast");
  for (let size = 1; size <= bytes.length; size++) {
    const target = new PassThrough();
    const prefixer = new LinePrefixer("6.1 | ", target);
    for (let i = 0; i < bytes.length; i += size) prefixer.write(bytes.subarray(i, i + size));
    await finished(prefixer.end());
    assert.equal(target.read().toString(), "6.1 | one\n6.1 | \n6.1 | zwölf\r\n6.1 | last\n");
    assert.equal(prefixer.lastLine, "last");
  }
});

test("the last line is the last that is not empty", async () => {
  const prefixer = new LinePrefixer("", new PassThrough());
  assert.equal(prefixer.lastLine, undefined);
  prefixer.write("1 passed\n\n\n");
  await finished(prefixer.end());
  assert.equal(prefixer.lastLine, "1 passed");
});

test("a slow target holds the writer back and loses nothing", async () => {
  const target = new PassThrough({ highWaterMark: 8 });
  const prefixer = new LinePrefixer("> ", target);
  for (let i = 0; i < 1000; i++) prefixer.write(`${i}\n`);
  const end = finished(prefixer.end());
  let text = "";
  target.on("data", (chunk) => {
    text += chunk;
  });
  await end;
  assert.equal(text, Array.from({ length: 1000 }, (_, i) => `> ${i}\n`).join(""));
});

test.run();
