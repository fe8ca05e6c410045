import { create } from "@bufbuild/protobuf";
import {
  LostRecordCause,
  LostRecordEventType,
  ProcessEventType,
  type TelemetryEvent,
  TelemetryEventSchema,
} from "@kernscope/telemetry-api";
import pc from "picocolors";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { prettyFormatter } from "./pretty.js";
import { UserNames } from "./users.js";

const time = new Date(2026, 0, 2, 3, 4, 5, 67);
const format = prettyFormatter(pc.createColors(false), new UserNames());

const line = (event: TelemetryEvent["event"] | object, more: object = {}): string =>
  format(
    create(TelemetryEventSchema, {
      unixTimeNanos: BigInt(time.getTime()) * 1_000_000n,
      processPid: 12,
      processTgid: 11,
      credentials: { uid: 0 },
      commandLine: ["/bin/sh", "-c", "a b"],
      event: event as TelemetryEvent["event"],
      ...more,
    }),
  );
const processLine = (value: object, more?: object) => line({ case: "process", value }, more);

test("fork, exec and exit", () => {
  assert.is(
    processLine({ type: ProcessEventType.FORK, forkChildPid: 99 }),
    "03:04:05.067      11 fork root     /bin/sh -c 'a b' → 99",
  );
  assert.is(
    processLine({ type: ProcessEventType.EXEC, execFilename: "/bin/ls", execCommandLine: ["ls", "-l"] }),
    "03:04:05.067      11 exec root     ls -l",
  );
  assert.match(processLine({ type: ProcessEventType.EXIT, exitStatus: 3 }), "/bin/sh -c 'a b' → 3");
  assert.match(processLine({ type: ProcessEventType.EXIT, exitSignal: 9 }), "→ SIGKILL");
  assert.match(processLine({ type: ProcessEventType.EXIT, exitStatusUnknown: true }), "→ unknown");
});

test("what is cut says so; who has no arguments has a name", () => {
  const cut = { type: ProcessEventType.EXEC, execCommandLine: ["ls"], execCommandLineTruncated: true };
  assert.match(processLine(cut), "ls …");
  const thread = { commandLine: [], processLineage: [{ pid: 2, command: "kthreadd" }] };
  assert.match(processLine({ type: ProcessEventType.EXIT }, thread), "[kthreadd] → 0");
});

test("users without a name, and unknown ones", () => {
  assert.match(processLine({ type: ProcessEventType.EXIT }, { credentials: { uid: 4_000_000 } }), " 4000000 ");
  assert.match(processLine({ type: ProcessEventType.EXIT }, { credentials: undefined }), " '?' ");
});

test("losses cannot be overlooked", () => {
  const value = { lost: 12n, type: LostRecordEventType.SUBSCRIPTION, cause: LostRecordCause.SLOW_CLIENT };
  assert.is(line({ case: "lost", value }), "03:04:05.067 LOST 12 events: slow client");
});

test("no escape sequence gets through, from wherever", () => {
  const evil = "\u001b[2J";
  const text = processLine(
    { type: ProcessEventType.EXEC, execFilename: evil, execCommandLine: [evil, `x${evil}`] },
    { commandLine: [evil], processLineage: [{ pid: 1, command: evil }] },
  );
  assert.not.match(text, "\u001b");
});

test.run();
