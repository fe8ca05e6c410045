import { mkdirSync, mkdtempSync, rmdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { CgroupTree } from "./cgroup-tree.js";

const folder = mkdtempSync(join(tmpdir(), "tree-"));
const [v1, v2] = [join(folder, "v1"), join(folder, "v2")];

function setHierarchy(id: number): void {
  writeFileSync(join(folder, "cgroups"), `perf_event\t${id}\t1\t1\n`);
}

test.before(() => {
  for (const path of ["self", "v1/old", "v2/a/b"]) mkdirSync(join(folder, path), { recursive: true });
  const mounts = [`1 1 0:1 / ${v1} rw - cgroup cgroup rw,perf_event`, `2 1 0:2 / ${v2} rw - cgroup2 cgroup2 rw`];
  writeFileSync(join(folder, "self/mountinfo"), mounts.join("\n"));
  setHierarchy(0);
});
test.after(() => rmSync(folder, { recursive: true }));

function paths(tree: CgroupTree): string[] {
  return [...tree.table.all()].filter(({ removedAt }) => removedAt === Infinity).map(({ path }) => path);
}

test("a look through all finds what came and went unseen", async () => {
  const tree = new CgroupTree(folder, { grace: 1e9, resolve: () => undefined }, new AbortController().signal);
  await tree.scan(() => 0);
  assert.equal(paths(tree).sort(), ["/", "/a", "/a/b"]);
  const gone = statSync(join(v2, "a/b")).ino;
  // In this order, as a file system may give a number again.
  mkdirSync(join(v2, "c"));
  rmdirSync(join(v2, "a/b"));
  await tree.scan(() => 5);
  assert.equal(paths(tree).sort(), ["/", "/a", "/c"]);
  assert.is(tree.table.get(gone)?.removedAt, 5);
});

test("cgroups are those of the hierarchy that has the controller now", async () => {
  const tree = new CgroupTree(folder, { grace: 1e9, resolve: () => undefined }, new AbortController().signal);
  await tree.scan(() => 0);
  assert.equal([tree.has(0), tree.has(7), tree.mount], [true, false, v2]);
  await tree.hierarchyChanged(() => 0);
  assert.is(tree.mount, v2);
  setHierarchy(7);
  await tree.hierarchyChanged(() => 0);
  assert.equal([tree.has(0), tree.has(7), tree.mount], [false, true, v1]);
  assert.equal(paths(tree).sort(), ["/", "/old"]);
});

test("a look that was broken off takes nothing for gone", async () => {
  const abort = new AbortController();
  const tree = new CgroupTree(folder, { grace: 1e9, resolve: () => undefined }, abort.signal);
  await tree.scan(() => 0);
  const before = paths(tree);
  abort.abort();
  await tree.scan(() => 5);
  assert.equal(paths(tree), before);
});

test.run();
