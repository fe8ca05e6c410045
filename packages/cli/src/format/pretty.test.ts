import { stripVTControlCharacters } from "node:util";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import {
  LostRecordCause,
  LostRecordEventType,
  type ProcessEventSchema,
  ProcessEventType,
  TelemetryEventSchema,
} from "@kernscope/telemetry-api";
import colors from "picocolors";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { PrettyFormat } from "./pretty.js";
import { UserNames } from "./user-names.js";

const users = new UserNames("root:x:0:0::/:\nalice:x:1000:1000::/:\n");
const plain = new PrettyFormat(users, colors.createColors(false));
const coloured = new PrettyFormat(users, colors.createColors(true));
const { FORK, EXEC, EXIT, UPDATE } = ProcessEventType;
const noon = new Date(2024, 1, 29, 12, 3, 4, 56);

test("exec: the command line, as one would type it", () => {
  const line = lineOf({ type: EXEC, execFilename: "/bin/true", execCommandLine: ["/bin/true", "a b", "$x"] });
  assert.is(line, "12:03:04.056    1234 exec  root     /bin/true 'a b' '$x'");
  assert.match(lineOf({ type: EXEC, execFilename: "/bin/true", execCommandLine: ["true"] }), / true$/);
  assert.match(
    lineOf({ type: EXEC, execFilename: "/bin/x", execCommandLine: ["a", "b"] }),
    / a b \(program \/bin\/x\)$/,
  );
  assert.match(lineOf({ type: EXEC, execFilename: "/bin/x" }), /root {5}\(program \/bin\/x\)$/);
  const cut = { type: EXEC, execFilename: "a", execCommandLine: ["a", "b"], execCommandLineTruncated: true };
  assert.match(lineOf(cut), / a b …$/);
});

test("fork, exit and change of directory: with the command line of the process", () => {
  const more = { commandLine: ["sh", "-c", "x y"] };
  assert.match(lineOf({ type: FORK, forkChildPid: 77 }, more), / fork {2}root {5}child 77 {2}sh -c 'x y'$/);
  assert.match(lineOf({ type: EXIT, exitStatus: 3 }, more), / exit {2}root {5}status 3 {2}sh -c 'x y'$/);
  assert.match(lineOf({ type: EXIT, exitSignal: 9 }, more), / SIGKILL {2}sh/);
  assert.match(lineOf({ type: EXIT, exitSignal: 11, exitCoreDumped: true }, more), / SIGSEGV, core dumped {2}sh/);
  assert.match(lineOf({ type: EXIT, exitSignal: 40 }, more), / signal 40 {2}sh/);
  assert.match(lineOf({ type: EXIT, exitStatusUnknown: true }, more), / status unknown {2}sh/);
  assert.match(lineOf({ type: UPDATE, updateCwd: "/a b" }, more), / cwd {3}root {5}'\/a b' {2}sh/);
  assert.match(lineOf({ type: FORK }, { ...more, commandLineTruncated: true }), / sh -c 'x y' …$/);
  const kernelThread = { processLineage: [{ pid: 9, command: "kworker/0:1" }] };
  assert.match(lineOf({ type: EXIT }, kernelThread), / status 0 {2}\[kworker\/0:1\]$/);
});

test("users by name or number, with the one whose rights the process has", () => {
  const user = (uid: number, euid: number) =>
    lineOf({ type: EXEC }, { credentials: { uid, euid } }).slice(27).trimEnd();
  assert.is(user(1000, 1000), "alice");
  assert.is(user(1000, 0), "alice→root");
  assert.is(user(5, 5), "5");
  assert.is(lineOf({ type: EXEC }, { credentials: undefined }).slice(27).trimEnd(), "?");
});

test("a process is named by its process id, not by its thread's", () => {
  assert.match(lineOf({ type: EXEC }, { processPid: 5, processTgid: 4 }), /^\S+ {7}4 exec/);
});

test("lost events are told, with where they were lost", () => {
  const lost = (type: LostRecordEventType, cause: LostRecordCause, count = 2n) =>
    format({ event: { case: "lost", value: { lost: count, type, cause } } });
  assert.is(
    lost(LostRecordEventType.PROCESS, LostRecordCause.KERNEL_RING),
    " 12:03:04.056  LOST 2 process events: the kernel's ring was full ",
  );
  assert.match(
    lost(LostRecordEventType.SUBSCRIPTION, LostRecordCause.SLOW_CLIENT, 1n),
    /LOST 1 event: this client reads/,
  );
  assert.match(lost(99 as never, 98 as never), /LOST 2 type 99 events: cause 98/);
  const event = create(TelemetryEventSchema, { event: { case: "lost", value: { lost: 1n } } });
  const text = coloured.format(event);
  assert.match(text, / LOST 1 event/);
  assert.ok(text.startsWith("\u001b[41m") && text.endsWith("\u001b[49m"));
});

test("kinds without words of their own are shown by their fields", () => {
  const line = format({ event: { case: "ticker", value: { seconds: 5n } } });
  assert.match(line, / ticker root {5}seconds=5$/);
  assert.match(format({ event: { case: "file", value: { filename: "\u001b[2J" } } }), /filename=\$'\\x1b\[2J'$/);
  assert.match(
    format({ event: { case: "network", value: { address: { address: { case: "localAddress", value: "a" } } } } }),
    /localAddress/,
  );
  assert.match(format({}), / event root/);
});

test("nothing that an event says reaches the terminal as a control", () => {
  const evil = "\u001b[2J\u009b31m\u202e\n";
  const value = { execFilename: evil, execCommandLine: [evil], updateCwd: evil };
  const more = { commandLine: [evil], processLineage: [{ pid: 1, command: evil }] };
  for (const type of [FORK, EXEC, EXIT, UPDATE, 99]) {
    for (const commandLine of [[evil], []]) {
      const line = lineOf({ ...value, type }, { ...more, commandLine });
      assert.not.match(line, /[\p{Cc}\p{Cf}]/u, line);
    }
  }
});

test("colours only add themselves", () => {
  const event = eventOf({ type: EXIT, exitStatus: 1 }, { commandLine: ["a"] });
  const text = coloured.format(event);
  assert.ok(text.includes("\u001b["));
  assert.is(stripVTControlCharacters(text), plain.format(event));
});

type EventShape = Exclude<MessageInitShape<typeof TelemetryEventSchema>, { $typeName: string }>;

function eventOf(value: MessageInitShape<typeof ProcessEventSchema>, more: EventShape = {}) {
  return create(TelemetryEventSchema, { ...base, event: { case: "process", value }, ...more } as EventShape);
}

function lineOf(value: MessageInitShape<typeof ProcessEventSchema>, more: EventShape = {}): string {
  return plain.format(eventOf(value, more));
}

function format(more: EventShape): string {
  return plain.format(create(TelemetryEventSchema, { ...base, ...more } as EventShape));
}

const base = {
  unixTimeNanos: BigInt(noon.getTime()) * 1_000_000n,
  processPid: 1234,
  processTgid: 1234,
  credentials: {},
} as const;

test.run();
