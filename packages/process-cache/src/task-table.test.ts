import { test } from "uvu";
import * as assert from "uvu/assert";
import { ProcessIds } from "./process-id.js";
import { TaskEntry } from "./task-entry.js";
import { noExecutable } from "./task-executable.js";
import { TaskTable } from "./task-table.js";

const home = { ids: new ProcessIds(""), lineageVersion: 0, directory: () => undefined, executable: () => noExecutable };

function born(table: TaskTable, pid: number, startTime = 0): TaskEntry {
  const entry = new TaskEntry(pid, undefined, home);
  entry.startTime = startTime;
  table.insert(entry);
  return entry;
}

function die(table: TaskTable, entry: TaskEntry, time: number): void {
  entry.exitTime = time;
  table.retire(entry, time);
}

test("ended tasks are found until there are too many, the one asked for longest ago goes first", () => {
  const table = new TaskTable({ maxExited: 3, grace: 10 });
  const entries = [1, 2, 3, 4].map((pid) => born(table, pid));
  for (const entry of entries.slice(0, 3)) die(table, entry, 100);
  assert.is(table.get(1), entries[0]);
  die(table, entries[3]!, 105);
  assert.is(table.get(2), undefined);
  assert.is(table.get(1), entries[0]);
  assert.equal(table.stats(), { living: 0, exited: 3, evicted: 1, evictedEarly: 1 });
  die(table, born(table, 5), 200);
  assert.equal(table.stats(), { living: 0, exited: 3, evicted: 2, evictedEarly: 1 });
  assert.is(table.get(3), undefined);
});

test("living tasks are never given up", () => {
  const table = new TaskTable({ maxExited: 2, grace: 0 });
  for (let pid = 1; pid <= 1000; pid++) born(table, pid);
  for (let pid = 1001; pid <= 2000; pid++) die(table, born(table, pid), pid);
  assert.equal(table.stats(), { living: 1000, exited: 2, evicted: 998, evictedEarly: 0 });
  for (let pid = 1; pid <= 1000; pid++) assert.is(table.get(pid)?.pid, pid);
});

test("who had a pid at a time", () => {
  const table = new TaskTable({ maxExited: 10, grace: 0 });
  const [first, second, third] = [10, 20, 30].map((time) => {
    const entry = born(table, 7, time);
    if (time < 30) die(table, entry, time + 5);
    return entry;
  });
  assert.is(table.get(7), third);
  assert.is(table.getAt(7, 35), third);
  assert.is(table.getAt(7, 29), second);
  assert.is(table.getAt(7, 12), first);
  assert.is(table.getAt(7, 5), first);
  assert.is(table.getAt(8, 5), undefined);
});

test("an earlier owner that is given up leaves the others in place", () => {
  const table = new TaskTable({ maxExited: 2, grace: 0 });
  const owners = [10, 20, 30].map((time) => {
    const entry = born(table, 7, time);
    die(table, entry, time + 5);
    return entry;
  });
  assert.is(table.getAt(7, 11), owners[1]);
  assert.is(table.getAt(7, 31), owners[2]);
  die(table, born(table, 8), 50);
  assert.is(table.getAt(7, 11), owners[2]);
  die(table, born(table, 8), 60);
  assert.is(table.get(7), undefined);
  assert.equal(table.stats(), { living: 0, exited: 2, evicted: 3, evictedEarly: 0 });
});

test("the present owner can be given up before an earlier one that was asked for", () => {
  const table = new TaskTable({ maxExited: 2, grace: 0 });
  const first = born(table, 7, 10);
  const second = born(table, 7, 20);
  die(table, second, 25);
  die(table, first, 26);
  die(table, born(table, 8), 30);
  assert.is(table.get(7), first);
  die(table, born(table, 9), 31);
  assert.is(table.get(8), undefined);
  assert.is(table.get(7), first);
});

test("a task that was never in the table does not disturb it", () => {
  const table = new TaskTable({ maxExited: 1, grace: 0 });
  const entry = born(table, 1);
  die(table, new TaskEntry(1, undefined, home), 5);
  die(table, born(table, 2), 6);
  die(table, born(table, 3), 7);
  assert.is(table.get(1), entry);
  assert.equal(table.stats(), { living: 1, exited: 1, evicted: 1, evictedEarly: 0 });
});

test("a line of ended ancestors does not stay in memory", () => {
  const table = new TaskTable({ maxExited: 2, grace: 0 });
  let parent: TaskEntry | undefined;
  for (let pid = 1; pid <= 10; pid++) {
    const entry = born(table, pid);
    entry.creator = parent;
    if (parent !== undefined) die(table, parent, pid);
    parent = entry;
  }
  let length = 0;
  for (let entry = parent; entry !== undefined; entry = entry.parent) length++;
  assert.is(length, 4);
});

test.run();
