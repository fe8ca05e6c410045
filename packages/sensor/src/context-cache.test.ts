import type { Task } from "@kernscope/process-cache";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { ContextCache } from "./context-cache.js";
import { noContainer } from "./event-context.js";
import { SensorEvent } from "./sensor-event.js";

type Writable<T> = { -readonly [K in keyof T]?: T[K] };

function taskOf(pid: number, more: Writable<Task> = {}): Writable<Task> {
  const task: Writable<Task> = {
    pid,
    processId: `id-${pid}`,
    command: `c${pid}`,
    commandLine: [`/bin/c${pid}`],
    commandLineTruncated: false,
    filename: `/bin/c${pid}`,
    creds: { uid: 1, gid: 1, euid: 1, egid: 1, suid: 1, sgid: 1, fsuid: 1, fsgid: 1 },
    cgroupPath: "/",
    ...more,
  };
  task.leader ??= task as Task;
  return task;
}

const origin = { sensorId: "s", unixOrigin: 1000n };
const container = { id: "a".repeat(64), name: "", imageId: "i", imageName: "n", settled: false };

test("a task's events share a context until something of it changes, and show the change from then on", () => {
  const versions = { lineageVersion: 0 };
  const cache = new ContextCache(origin, versions);
  const parent = taskOf(1);
  const leader = taskOf(2, { parent: parent as Task });
  const thread = taskOf(3, { leader: leader as Task });
  let labels = { ...container };
  const of = () => cache.of(thread as Task, labels);
  const changes: (readonly [string, () => void])[] = [
    ["credentials", () => Object.assign(thread, { creds: { ...thread.creds, uid: 0 } })],
    ["commandLine", () => Object.assign(leader, { commandLine: ["x"] })],
    ["commandLineTruncated", () => Object.assign(leader, { commandLineTruncated: true })],
    ["cgroupPath", () => Object.assign(thread, { cgroupPath: "/b" })],
    ["processLineage", () => Object.assign(leader, { command: "renamed" })],
    ["processLineage", () => Object.assign(leader, { filename: "/bin/other" })],
    ["processLineage", () => Object.assign(parent, { command: "renamed, too" })],
    ["processLineage", () => Object.assign(leader, { parent: undefined })],
    ["containerName", () => Object.assign(labels, { name: "web" })],
    ["pod", () => Object.assign(labels, { pod: { name: "p", namespace: "n", uid: "u", containerName: "c" } })],
    ["containerId", () => (labels = noContainer)],
    ["unixOrigin", () => (cache.origin = { ...origin, unixOrigin: 1001n })],
  ];
  for (const [field, change] of changes) {
    const before = of();
    assert.is(of(), before);
    change();
    versions.lineageVersion++;
    const after = of();
    assert.is.not(after, before, field);
    assert.is(of(), after);
    const differ = Object.keys(after).filter(
      (key) => JSON.stringify(fieldOf(after, key)) !== JSON.stringify(fieldOf(before, key)),
    );
    assert.ok(differ.includes(field), `${differ} and not ${field}`);
  }
});

test("tasks whose pids share a place are told apart", () => {
  const cache = new ContextCache(origin, { lineageVersion: 0 });
  for (let round = 0; round < 3; round++) {
    for (const pid of [7, 7 + 512, 7 + 1024]) {
      assert.is(cache.of(taskOf(pid) as Task, noContainer).processPid, pid);
    }
  }
});

test("an event shows its context's fields as its own, also as an object and in JSON", () => {
  const context = new ContextCache(origin, { lineageVersion: 0 }).of(taskOf(5) as Task, { ...container, name: "web" });
  const event = new SensorEvent(context, 9, 250, 1, { case: "ticker", value: { seconds: 1, nanoseconds: 2 } });
  const expected = {
    id: "s-9",
    sensorId: "s",
    sensorSequenceNumber: 9,
    sensorMonotimeNanos: 250,
    unixTimeNanos: 1250n,
    processId: "id-5",
    processPid: 5,
    processTgid: 5,
    processLineage: [{ pid: 5, command: "c5", processId: "id-5", executable: "/bin/c5" }],
    containerId: container.id,
    containerName: "web",
    imageId: "i",
    imageName: "n",
    pod: undefined,
    cpu: 1,
    credentials: context.credentials,
    commandLine: ["/bin/c5"],
    commandLineTruncated: false,
    cgroupPath: "/",
    event: { case: "ticker", value: { seconds: 1, nanoseconds: 2 } },
  };
  assert.equal(event.toObject(), expected);
  for (const [key, value] of Object.entries(expected)) assert.equal(fieldOf(event, key), value, key);
  assert.equal(JSON.parse(JSON.stringify(event)), JSON.parse(JSON.stringify({ ...expected, unixTimeNanos: "1250" })));
});

function fieldOf(object: object, key: string): unknown {
  const value = (object as Record<string, unknown>)[key];
  return typeof value === "bigint" && key === "unixOrigin" ? `${value}` : value;
}

test.run();
