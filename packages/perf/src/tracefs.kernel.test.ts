import { readdir, readFile } from "node:fs/promises";
import { requires } from "@kernscope/test-support";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { traceFormats } from "./testing/formats.js";
import { parseTraceFormat } from "./trace-format.js";
import { Tracefs } from "./tracefs.js";
import { parseEventName } from "./tracing.js";

const onKernel = requires({ perf: true });

onKernel("opens tracefs and leaves nothing behind", async () => {
  const before = [await readFile("/proc/self/mountinfo", "utf8"), (await readdir("/proc/self/fd")).length];
  const tracefs = await Tracefs.open();
  assert.ok((await tracefs.readId("sched/sched_process_exec")) > 0);
  await tracefs.close();
  await tracefs.close();
  assert.equal([await readFile("/proc/self/mountinfo", "utf8"), (await readdir("/proc/self/fd")).length], before);
});

onKernel("reads the format of every event that this kernel has", async () => {
  const tracefs = await Tracefs.open();
  try {
    const names = await tracefs.listEvents();
    assert.ok(names.length > 100, `${names.length} events`);
    for (const name of names) {
      const format = parseTraceFormat(await tracefs.readFormat(parseEventName(name)));
      assert.is(format.common.at(-1)?.name, "common_pid", name);
      for (const field of [...format.common, ...format.fields]) {
        if (field.kind !== "bytes" && field.dynamic === undefined && field.size > 0) {
          const { kind, elementSize, count, size } = field;
          const covered = kind === "integer" ? elementSize <= size : elementSize * count === size;
          assert.ok(covered, `${name}: ${JSON.stringify(field)}`);
        }
      }
    }
  } finally {
    await tracefs.close();
  }
});

onKernel("the well-known formats agree with this kernel's in the kind of each field", async () => {
  const tracefs = await Tracefs.open();
  try {
    for (const [key, text] of Object.entries(traceFormats)) {
      const here = parseTraceFormat(await tracefs.readFormat(parseEventName(key.replace(/@.*/, "")))).fields;
      for (const { name, kind } of parseTraceFormat(text).fields) {
        assert.is(here.find((field) => field.name === name)?.kind ?? kind, kind, `${key} ${name}`);
      }
    }
  } finally {
    await tracefs.close();
  }
});

test.run();
