import type { Task } from "@kernscope/process-cache";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { lineageOf } from "./lineage.js";

interface Facts {
  command: string;
  filename: string;
  processId: string;
  parent: Task | undefined;
}

/** The part of a task that a lineage is made of; what it says may change. */
function process(pid: number, parent?: Task): Task & Facts {
  const task = { pid, command: `c${pid}`, filename: `/f${pid}`, processId: `id-${pid}`, parent, attachment: undefined };
  return Object.assign(task, { leader: task }) as unknown as Task & Facts;
}

const describe = (task: Task) =>
  lineageOf(task).map(({ pid, command, executable, processId }) => `${pid} ${command} ${executable} ${processId}`);

test("a process and its forebears, the same object while nothing changes", () => {
  const init = process(1);
  const shell = process(2, init);
  const child = process(3, shell);
  const thread = { pid: 4, leader: child } as unknown as Task;
  const lineage = ["3 c3 /f3 id-3", "2 c2 /f2 id-2", "1 c1 /f1 id-1"];
  assert.equal(describe(child), lineage);
  assert.is(lineageOf(child), lineageOf(thread));
  assert.is(lineageOf(shell)[0], lineageOf(process(5, shell))[1]);
});

test("what changed anywhere in it is seen, and what was handed out stays as it was", () => {
  const init = process(1);
  const shell = process(2, init);
  const child = process(3, shell);
  const before = lineageOf(child);
  shell.command = "renamed";
  assert.equal(describe(child), ["3 c3 /f3 id-3", "2 renamed /f2 id-2", "1 c1 /f1 id-1"]);
  child.filename = "/bin/true";
  assert.equal(describe(child)[0], "3 c3 /bin/true id-3");
  shell.parent = undefined;
  assert.equal(describe(child), ["3 c3 /bin/true id-3", "2 renamed /f2 id-2"]);
  assert.equal(
    before.map(({ command }) => command),
    ["c3", "c2", "c1"],
  );
});

test("a chain that is made long ends", () => {
  let last = process(1);
  for (let pid = 2; pid < 500; pid++) last = process(pid, last);
  assert.is(lineageOf(last).length, 64);
  assert.is(lineageOf(last), lineageOf(last));
});

test.run();
