import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { PerfError } from "./errors.js";
import { traceFormats } from "./testing/formats.js";
import { findMounts, Tracefs } from "./tracefs.js";
import { parseEventName } from "./tracing.js";

async function withDirectory(body: (directory: string) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), "tracefs-"));
  try {
    await body(directory);
  } finally {
    await rm(directory, { recursive: true });
  }
}

async function errorOf(promise: Promise<unknown>): Promise<PerfError> {
  return promise.then(
    () => assert.unreachable("it did not reject"),
    (error) => error,
  );
}

test("reads formats, ids and the list from a directory", async () => {
  await withDirectory(async (directory) => {
    const event = join(directory, "events/task/task_rename");
    await mkdir(event, { recursive: true });
    await writeFile(join(event, "format"), traceFormats["task/task_rename"] ?? "");
    await writeFile(join(event, "id"), "204\n");
    await writeFile(join(directory, "available_events"), "task:task_rename\nsched:sched_switch\n");
    const tracefs = await Tracefs.open(directory);
    assert.is(await tracefs.readFormat(parseEventName("task/task_rename")), traceFormats["task/task_rename"]);
    assert.is(await tracefs.readId("task:task_rename"), 204);
    assert.equal(await tracefs.listEvents(), ["sched/sched_switch", "task/task_rename"]);
    const missing = await errorOf(tracefs.readFormat({ system: "task", event: "none" }));
    assert.is(missing.code, "not_found");
    assert.is(
      missing.message,
      "tracefs(task/none): no such trace event – list the events of this kernel with listEvents()",
    );
    await tracefs.close();
  });
});

test("a directory that is no tracefs is refused", async () => {
  await withDirectory(async (directory) => {
    const error = await errorOf(Tracefs.open(directory));
    assert.is(error.code, "not_found");
    assert.match(error.message, /^tracefs\(.*\): not a tracefs – /);
  });
});

test("finds mounts by type, escapes and roots considered", () => {
  const mountinfo = [
    "25 20 0:7 / /sys/kernel/debug rw,nosuid shared:11 - debugfs debugfs rw",
    "26 20 0:13 / /mnt/a\\040b rw - tracefs tracefs rw",
    "27 25 0:13 / /sys/kernel/debug/tracing rw,nosuid - tracefs tracefs rw",
    "28 25 0:13 /events /mnt/part rw - tracefs tracefs rw",
    "29 25 0:14 / /mnt/tracefs rw - tmpfs tmpfs rw",
    "",
  ].join("\n");
  assert.equal(findMounts(mountinfo, "tracefs"), ["/mnt/a b", "/sys/kernel/debug/tracing"]);
});

test("names of events cannot leave their folder", () => {
  assert.equal(parseEventName("a/b"), { system: "a", event: "b" });
  assert.equal(parseEventName("a:b-c"), { system: "a", event: "b-c" });
  for (const name of ["", "a", "a/b/c", "../b", "a/..", "a/b\n", "a/ b", "a\0/b", "/a/b"]) {
    assert.throws(() => parseEventName(name), /not the name of a trace event/, JSON.stringify(name));
  }
});

test.run();
