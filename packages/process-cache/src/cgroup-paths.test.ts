import { mkdirSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { CgroupPaths } from "./cgroup-paths.js";

const mount = mkdtempSync(join(tmpdir(), "cgroups-"));
mkdirSync(join(mount, "a/b"), { recursive: true });
mkdirSync(join(mount, "c"));
test.after(() => rmSync(mount, { recursive: true }));

const inode = (path: string) => statSync(join(mount, path)).ino;
const whole = (limit?: number) =>
  new CgroupPaths({ id: 0, version: 2, mount, root: "/" }, limit === undefined ? {} : { limit });
const scan = { slice: 0, signal: new AbortController().signal };

test("a scan finds all of a mount, by id and by path", async () => {
  const paths = whole();
  await paths.scan(scan);
  assert.is(paths.size, 4);
  for (const path of ["/", "/a", "/a/b", "/c"]) {
    assert.equal(paths.get(inode(path)), { id: inode(path), path });
    assert.is(paths.at(path), paths.get(inode(path)));
  }
});

test("a path that was not scanned is looked up; what is none has no id", () => {
  const paths = whole();
  assert.equal(paths.at("/a/b"), { id: inode("/a/b"), path: "/a/b" });
  assert.equal(paths.at("/none"), { id: 0, path: "/none" });
  assert.equal(paths.at("/a/../../.."), { id: 0, path: "/a/../../.." });
  assert.ok(paths.confirms(inode("/c"), "/c"));
  assert.not(paths.confirms(inode("/c"), "/a"));
});

test("where a part is mounted, paths are those of the whole", async () => {
  const paths = new CgroupPaths({ id: 0, version: 2, mount, root: "/docker/1" });
  await paths.scan(scan);
  assert.is(paths.get(inode("/a/b")).path, "/docker/1/a/b");
  assert.equal(paths.at("/docker/1/c"), { id: inode("/c"), path: "/docker/1/c" });
  assert.equal(paths.at("/docker/12"), { id: 0, path: "/docker/12" });
});

test("what is learnt later shows where it is kept", () => {
  const paths = whole();
  const cgroup = paths.get(5);
  assert.equal(cgroup, { id: 5, path: undefined });
  paths.made(5, "/x");
  assert.is(cgroup.path, "/x");
  paths.made(5, "/y");
  assert.equal([cgroup.path, paths.at("/x").id, paths.at("/y").id], ["/y", 0, 5]);
});

test("a path that was removed and made anew is another cgroup", () => {
  const paths = whole();
  const old = paths.made(5, "/x");
  paths.removed(5);
  paths.made(6, "/x");
  assert.equal([old.path, paths.get(5).path, paths.at("/x").id], ["/x", "/x", 6]);
  // Also if the removal was not seen.
  paths.made(7, "/x");
  paths.removed(6);
  assert.is(paths.at("/x").id, 7);
});

test("removed ones and ids without a path are bounded", () => {
  const paths = whole(10);
  paths.made(1, "/stays");
  for (let id = 100; id < 200; id++) {
    paths.get(id);
    paths.made(id + 1000, `/${id}`);
    paths.removed(id + 1000);
  }
  assert.is(paths.size, 11);
  assert.is(paths.get(1).path, "/stays");
});

test.run();
