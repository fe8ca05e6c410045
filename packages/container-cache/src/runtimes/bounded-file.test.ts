import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { readBounded } from "./bounded-file.js";

test("a file is read up to its limit, and what is no file is not waited for", async () => {
  const folder = mkdtempSync(join(tmpdir(), "bounded-"));
  const file = (name: string) => join(folder, name);
  writeFileSync(file("ten"), "0123456789");
  writeFileSync(file("empty"), "");
  mkdirSync(file("folder"));
  execFileSync("mkfifo", [file("fifo")]);
  assert.equal(await readBounded(file("ten"), 10), { text: "0123456789", large: false });
  assert.equal(await readBounded(file("ten"), 9), { text: "", large: true });
  assert.equal(await readBounded(file("empty"), 10), { text: "", large: false });
  for (const name of ["folder", "fifo", "missing"]) assert.is(await readBounded(file(name), 10), undefined, name);
  rmSync(folder, { recursive: true });
});

test("a file that is longer than it was said to be is read to its end", async () => {
  // Files of /proc say that they are empty, as one can be that its writer has just begun.
  const { text = "", large } = (await readBounded("/proc/self/status", 65_536)) ?? {};
  assert.match(text, /^Name:.*\nVmRSS:.*\n$/s);
  assert.is(large, false);
  assert.equal(await readBounded("/proc/self/status", 100), { text: "", large: true });
});

test.run();
