import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { OnlineCpus } from "./online-cpus.js";

const folder = mkdtempSync(join(tmpdir(), "kernscope-cpus-"));
test.after(() => rmSync(folder, { recursive: true }));

test("a look tells whether the list has changed since the last one", () => {
  const path = join(folder, "online");
  writeFileSync(path, "0-1\n");
  const online = new OnlineCpus(path);
  assert.is(online.look(), true);
  assert.equal(online.list, [0, 1]);
  assert.is(online.look(), false);
  writeFileSync(path, "0\n");
  assert.is(online.look(), true);
  assert.equal(online.list, [0]);
  online.close();
});

test("the kernel's list can be read again and again", () => {
  const online = new OnlineCpus();
  assert.is(online.look(), true);
  assert.is(online.look(), false);
  assert.ok(online.list.includes(0));
  online.close();
});

test.run();
