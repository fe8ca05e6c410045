import { mkdirSync, mkdtempSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CloneFlag, type Task } from "@kernscope/process-cache";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { TaskMounts } from "./task-mounts.js";

interface Context {
  root: string;
  now: number;
  mounts: TaskMounts;
}

const test = suite<Context>("task mounts");

test.before.each((context) => {
  context.root = mkdtempSync(join(tmpdir(), "kernscope-mounts-"));
  context.now = 1e9;
  context.mounts = new TaskMounts(() => context.now, context.root);
  context.mounts.follow(task);
});

test.after.each(({ root }) => rmSync(root, { recursive: true }));

const DEVICE = 8;

/** A process, whose file system 0:8 is mounted at a place. */
function live(root: string, pid: number, namespace: number, place: string, directory = "/"): void {
  gone(root, pid);
  mkdirSync(`${root}/${pid}/ns`, { recursive: true });
  symlinkSync(`mnt:[${namespace}]`, `${root}/${pid}/ns/mnt`);
  symlinkSync(directory, `${root}/${pid}/root`);
  remount(root, pid, place);
}

function remount(root: string, pid: number, place: string): void {
  writeFileSync(
    `${root}/${pid}/mountinfo`,
    `1 0 0:1 / / rw - tmpfs none rw\n2 1 0:8 / ${place} rw - ext4 /dev/sda rw\n`,
  );
}

function gone(root: string, pid: number): void {
  rmSync(`${root}/${pid}`, { recursive: true, force: true });
}

function task(pid: number, parent?: Task, leader?: Task): Task {
  const made = { pid, parent, exitTime: undefined, isLeader: leader === undefined } as unknown as { leader: Task };
  made.leader = leader ?? (made as unknown as Task);
  return made as unknown as Task;
}

const resolved = (path: string) => ({ path, resolved: true });
const likely = (path: string) => ({ path, resolved: false });

test("what was read before an event holds for it, and what was read after does not", (context) => {
  const { root, mounts } = context;
  live(root, 7, 100, "/a");
  const process = task(7);
  assert.equal(mounts.locate(process, 9e8, DEVICE, "/x"), likely("/a/x"));
  assert.equal(mounts.locate(process, 1.1e9, DEVICE, "/x"), resolved("/a/x"));
  assert.equal(mounts.locate(process, 1.1e9, 9, "/x"), likely("x"));
  assert.equal(mounts.locate(process, 1.1e9, DEVICE, "/\udcff"), likely("/a/\udcff"));
});

test("where something was mounted it is read again: what is the same as before held all the time", (context) => {
  const { root, mounts } = context;
  live(root, 7, 100, "/a");
  const process = task(7);
  mounts.locate(process, 1e9, DEVICE, "/x");
  context.now = 2e9;
  mounts.changed(1.5e9, true);
  assert.equal(mounts.locate(process, 1.6e9, DEVICE, "/x"), resolved("/a/x"));
  context.now = 3e9;
  remount(root, 7, "/b");
  // Nobody told of it: no event is later than that.
  assert.equal(mounts.locate(process, 2.4e9, DEVICE, "/x"), resolved("/a/x"));
  mounts.changed(2.5e9, true);
  assert.equal(mounts.locate(process, 2.6e9, DEVICE, "/x"), likely("/b/x"));
  assert.equal(mounts.locate(process, 3.1e9, DEVICE, "/x"), resolved("/b/x"));
});

test("nothing is resolved while a change goes on", (context) => {
  const { root, mounts } = context;
  live(root, 7, 100, "/a");
  const process = task(7);
  mounts.locate(process, 1e9, DEVICE, "/x");
  mounts.changed(1.5e9, false);
  context.now = 1.502e9;
  assert.equal(mounts.locate(process, 1.501e9, DEVICE, "/x"), likely("/a/x"));
  context.now = 1.6e9;
  assert.equal(mounts.locate(process, 1.501e9, DEVICE, "/x"), resolved("/a/x"));
});

test("a child sees what its parent saw, also after it is gone; with a namespace of its own nobody knows", (context) => {
  const { root, mounts } = context;
  live(root, 7, 100, "/a");
  const parent = task(7);
  mounts.follow(() => parent);
  const [child, cloned] = [task(8, parent), task(9, parent)];
  mounts.forked(parent, child, 0, 1.1e9);
  mounts.forked(parent, cloned, CloneFlag.NEWNS, 1.1e9);
  context.now = 1.15e9;
  assert.equal(mounts.locate(child, 1.2e9, DEVICE, "/x"), resolved("/a/x"));
  assert.equal(mounts.locate(cloned, 1.2e9, DEVICE, "/x"), likely("/a/x"));
  // Someone mounts elsewhere: who sees the same still lives.
  mounts.changed(1.3e9, true);
  context.now = 1.5e9;
  assert.equal(mounts.locate(child, 1.4e9, DEVICE, "/x"), resolved("/a/x"));
  // It changes its namespace before it is gone.
  mounts.moved(child, 1.6e9);
  assert.equal(mounts.locate(child, 1.7e9, DEVICE, "/x"), likely("/a/x"));
});

test("a namespace may have the number of one that is gone, and a directory above a mount point another name", (context) => {
  const { root, mounts } = context;
  live(root, 7, 100, "/a/b");
  const before = task(7);
  mounts.locate(before, 1e9, DEVICE, "/x");
  gone(root, 7);
  live(root, 8, 100, "/c");
  const after = task(8);
  mounts.moved(after, 2e9);
  context.now = 2.1e9;
  assert.equal(mounts.locate(after, 2.05e9, DEVICE, "/x"), likely("/c/x"));
  assert.equal(mounts.locate(after, 2.2e9, DEVICE, "/x"), resolved("/c/x"));
  remount(root, 8, "/d/e");
  mounts.renamed("b", 2.3e9);
  assert.equal(mounts.locate(after, 2.35e9, DEVICE, "/x"), resolved("/c/x"));
  mounts.renamed("c", 2.4e9);
  context.now = 2.5e9;
  assert.equal(mounts.locate(after, 2.45e9, DEVICE, "/x"), likely("/d/e/x"));
});

test("before it was read a child may have been anything", (context) => {
  const { root, mounts } = context;
  live(root, 7, 100, "/a");
  const parent = task(7);
  mounts.follow(() => parent);
  const child = task(8, parent);
  mounts.forked(parent, child, 0, 0.9e9);
  assert.equal(mounts.locate(child, 1.1e9, DEVICE, "/x"), likely("/a/x"));
});

test("namespaces and root directories are apart, and threads share a root", (context) => {
  const { root, mounts } = context;
  live(root, 7, 100, "/a");
  live(root, 8, 100, "/c", tmpdir());
  live(root, 9, 101, "/b");
  live(root, 10, 100, "/a");
  const [first, jailed, other] = [task(7), task(8), task(9)];
  const thread = task(10, undefined, first);
  for (const each of [first, jailed, other, thread]) mounts.locate(each, 0, DEVICE, "/x");
  const places = (elapsed: number) =>
    [first, jailed, other, thread].map((each) => mounts.locate(each, elapsed, DEVICE, "/x"));
  assert.equal(places(1.1e9), [resolved("/a/x"), resolved("/c/x"), resolved("/b/x"), resolved("/a/x")]);
  context.now = 2e9;
  mounts.rooted(first, 1.9e9);
  assert.equal(places(1.95e9), [likely("/a/x"), resolved("/c/x"), resolved("/b/x"), likely("/a/x")]);
});

test("where changes may have been missed, and where nobody tells of them, nothing is resolved", (context) => {
  const { root, mounts } = context;
  live(root, 7, 100, "/a");
  const process = task(7);
  mounts.follow(() => process);
  context.now = 2e9;
  mounts.missed();
  assert.equal(mounts.locate(process, 1.9e9, DEVICE, "/x"), likely("/a/x"));
  const unfollowed = new TaskMounts(() => context.now, root);
  assert.equal(unfollowed.locate(process, 3e9, DEVICE, "/x"), likely("/a/x"));
  remount(root, 7, "/b");
  context.now = 3e9;
  assert.equal(unfollowed.locate(process, 3e9, DEVICE, "/x"), likely("/b/x"));
});

test("the end of a path may lead into directories that are mounted, and to files that end so", (context) => {
  const { root, mounts } = context;
  live(root, 7, 100, "/a");
  const process = task(7);
  unlinkSync(`${root}/7/root`);
  mkdirSync(`${root}/7/root-of-it/a`, { recursive: true });
  symlinkSync(`${root}/7/root-of-it`, `${root}/7/root`);
  writeFileSync(`${root}/7/root-of-it/hosts`, "");
  assert.ok(mounts.mayReach(process, DEVICE, "b/c"));
  assert.not.ok(mounts.mayReach(process, 9, "b/c"));
  const line = "3 1 0:9 /var/lib/one/hosts /hosts rw - ext4 /dev/sdb rw\n";
  writeFileSync(`${root}/7/mountinfo`, line);
  mounts.changed(1.1e9, true);
  context.now = 1.2e9;
  assert.not.ok(mounts.mayReach(process, 9, "b/c"));
  assert.ok(mounts.mayReach(process, 9, "one/hosts"));
});

test.run();
