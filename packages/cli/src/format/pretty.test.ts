import { stripVTControlCharacters } from "node:util";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import {
  ContainerEventType as Container,
  FileEventType as File,
  LostRecordCause,
  LostRecordEventType,
  NetworkEventType as Network,
  PerformanceEventType as Performance,
  type ProcessEventSchema,
  ProcessEventType,
  SyscallEventType as Syscall,
  TelemetryEventSchema,
} from "@kernscope/telemetry-api";
import colors from "picocolors";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { PrettyFormat } from "./pretty.js";
import { UserNames } from "./user-names.js";

const users = new UserNames("root:x:0:0::/:\nalice:x:1000:1000::/:\n");
const names = new Map([[257, "openat"]]);
const plain = new PrettyFormat(users, colors.createColors(false), (id, compat) => (compat ? undefined : names.get(id)));
const coloured = new PrettyFormat(users, colors.createColors(true));
const more = { commandLine: ["cat", "x"] };
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

test("files", () => {
  const file = (value: object) => format({ event: { case: "file", value } }, more).slice(21);
  const flags = 0o2100102 | 0x4000_0000;
  assert.is(
    file({ type: File.OPEN, filename: "/a b", openFlags: flags, openMode: 0o644 }),
    "open  root     '/a b' O_RDWR|O_CREAT|O_CLOEXEC|0x40000000 0644  cat x",
  );
  assert.is(
    file({ type: File.OPEN, filename: "/", openFlags: 0o200000 }),
    "open  root     / O_RDONLY|O_DIRECTORY  cat x",
  );
  assert.is(file({ type: File.CREATE, filename: "/a", openMode: 0o100600 }), "create root     /a 0600  cat x");
  assert.is(file({ type: File.DELETE, filename: "/a" }), "delete root     /a  cat x");
  assert.is(file({ type: File.LINK, sourceFile: "/a", targetFile: "/b" }), "link  root     /b → /a  cat x");
  assert.is(
    file({ type: File.LINK, sourceFile: "../a", targetFile: "/b", symlink: true }),
    "symlink root     /b → ../a  cat x",
  );
  assert.is(file({ type: File.RENAME, oldname: "/a", newname: "/b" }), "rename root     /a → /b  cat x");
  assert.is(file({ type: File.MODIFY, filename: "/a" }), "modify root     /a  cat x");
  assert.is(file({ type: File.OPEN_FOR_MODIFY, filename: "/a" }), "open-for-modify root     /a  cat x");
  assert.is(file({ type: File.CLOSE_FOR_MODIFY, filename: "/a" }), "close-for-modify root     /a  cat x");
  assert.is(file({ type: File.ATTRIBUTE_CHANGE, filename: "/a" }), "attribute-change root     /a  cat x");
  assert.is(file({ type: 77, filename: "/a" }), "file 77 root     /a  cat x");
});

test("network: addresses as one writes them, errors by their names", () => {
  const network = (value: object) => format({ event: { case: "network", value } }, more).slice(21);
  const ipv4Address = { address: { address: 0x0100007f }, port: 80 };
  const { CONNECT_ATTEMPT, CONNECT_RESULT, BIND_ATTEMPT, LISTEN_ATTEMPT, ACCEPT_RESULT, SENDTO_ATTEMPT } = Network;
  assert.is(
    network({ type: CONNECT_ATTEMPT, sockfd: 3n, address: { address: { case: "ipv4Address", value: ipv4Address } } }),
    "connect root     fd 3 127.0.0.1:80  cat x",
  );
  const ipv6Address = { address: { high: 0x80fen, low: 0x0100000000000000n }, port: 65535 };
  assert.is(
    network({ type: BIND_ATTEMPT, sockfd: 3n, address: { address: { case: "ipv6Address", value: ipv6Address } } }),
    "bind  root     fd 3 [fe80::1]:65535  cat x",
  );
  const local = (value: string) => ({ address: { case: "localAddress", value } });
  assert.is(
    network({ type: SENDTO_ATTEMPT, address: local("/run/a b") }),
    "sendto root     fd 0 unix '/run/a b'  cat x",
  );
  assert.is(network({ type: SENDTO_ATTEMPT, address: local("") }), "sendto root     fd 0 unix (unnamed)  cat x");
  assert.is(
    network({ type: SENDTO_ATTEMPT, address: { family: 9 } }),
    "sendto root     fd 0 address of family 9  cat x",
  );
  assert.is(
    network({ type: CONNECT_ATTEMPT, sockfd: 3n, address: { otherFamily: 38 } }),
    "connect root     fd 3 address of family 38  cat x",
  );
  assert.is(network({ type: LISTEN_ATTEMPT, sockfd: 4n, backlog: 128n }), "listen root     fd 4 backlog 128  cat x");
  assert.is(network({ type: CONNECT_RESULT, result: -111n }), "connect root     = ECONNREFUSED  cat x");
  assert.is(network({ type: CONNECT_RESULT, result: -4000n }), "connect root     = error 4000  cat x");
  const peer = { address: { case: "ipv4Address", value: ipv4Address } };
  assert.is(network({ type: ACCEPT_RESULT, result: 5n, address: peer }), "accept root     = 5 127.0.0.1:80  cat x");
  assert.is(
    network({ type: CONNECT_ATTEMPT, address: peer, ioUring: true }),
    "connect root     by io_uring 127.0.0.1:80  cat x",
  );
  assert.is(network({ type: SENDTO_ATTEMPT, ioUring: true }), "sendto root     by io_uring  cat x");
  assert.is(network({ type: CONNECT_RESULT, ioUring: true }), "connect root     = 0 by io_uring  cat x");
  assert.is(network({ type: 99 }), "network 99 root       cat x");
});

test("system calls by name", () => {
  const call = (value: object) => format({ event: { case: "syscall", value } }, more).slice(21);
  const enter = { type: Syscall.ENTER, id: 257n, arg0: 0xffffffffffffff9cn, arg1: 0x7ffc12345678n, arg2: 0xffffffffn };
  assert.is(call(enter), "call  root     openat(-100, 0x7ffc12345678, -1, 0, 0, 0)  cat x");
  assert.is(call({ type: Syscall.EXIT, id: 257n, ret: -2n }), "return root     openat = ENOENT  cat x");
  assert.is(
    call({ type: Syscall.EXIT, id: 999n, ret: 1n << 62n }),
    "return root     call 999 = 4611686018427387904  cat x",
  );
  assert.is(call({ type: Syscall.EXIT, id: 999n, name: "openat3" }), "return root     openat3 = 0  cat x");
  assert.is(
    call({ type: Syscall.EXIT, id: 5n, name: "open", compat: true }),
    "return root     open (32-bit) = 0  cat x",
  );
  assert.is(call({ type: Syscall.EXIT, id: 257n, compat: true }), "return root     call 257 (32-bit) = 0  cat x");
});

test("function calls by what was fetched", () => {
  const fetched = {
    path: { value: { case: "stringValue", value: "/a b" } },
    count: { value: { case: "signedValue", value: -3n } },
    size: { value: { case: "unsignedValue", value: 1n << 63n } },
    raw: { value: { case: "bytesValue", value: Uint8Array.of(1, 0xff) } },
    gone: {},
  };
  const expected = "path='/a b' count=-3 size=9223372036854775808 raw=0x01ff gone=?  cat x";
  for (const name of ["kernelCall", "userCall"] as const) {
    const line = format({ event: { case: name, value: { arguments: fetched } } }, more);
    assert.ok(line.endsWith(`root     ${expected}`), line);
  }
});

test("counters, containers and timers", () => {
  const of = (event: object, extra: object = {}) => format({ event, credentials: undefined, ...extra }).slice(21);
  const values = [
    { type: Performance.HARDWARE, config: 0n, value: 1000n },
    { type: Performance.HARDWARE_CACHE, config: 65536n, value: 7n },
  ];
  assert.is(
    of({ case: "performance", value: { values, totalTimeEnabled: 10n, totalTimeRunning: 5n } }, { cpu: 1 }),
    "count ?        cpu 1  cycles 1000  hardware_cache/65536 7  (counted 50 % of the time)",
  );
  assert.is(
    of({ case: "container", value: { type: Container.RUNNING, name: "web", imageName: "nginx:1", hostPid: 12 } }),
    "running ?        web  image nginx:1  pid 12",
  );
  assert.is(
    of({ case: "container", value: { type: Container.EXITED, exitSignal: 9 } }, { containerId: "0123456789abcdef" }),
    "exited ?        0123456789ab  SIGKILL",
  );
  assert.is(
    of({ case: "container", value: { type: Container.CREATED, name: "w", ociConfigJson: "{}" } }),
    "created ?        w  with configuration",
  );
  assert.is(of({ case: "ticker", value: { seconds: 5n, nanoseconds: 7n } }), "tick  ?        5.000000007");
  assert.is(of({ case: "chargen", value: { index: 72n, characters: ' !"' } }), 'chargen ?        72   !"');
  assert.match(format({}), / event root/);
});

test("the container that it happened in", () => {
  assert.match(lineOf({ type: EXEC, execCommandLine: ["a"] }, { containerName: "web" }), / a {2}in web$/);
  assert.match(lineOf({ type: EXEC }, { containerId: "0123456789abcdef" }), /in 0123456789ab$/);
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

test("of no kind does anything reach the terminal as a control", () => {
  const evil = "\u001b[2J\u009b31m\u202e\n";
  const names = { filename: evil, sourceFile: evil, targetFile: evil, oldname: evil, newname: evil };
  const address = { address: { case: "localAddress", value: evil } };
  const fetched = { [evil]: { value: { case: "stringValue", value: evil } } };
  const events = [
    ...Array.from({ length: 12 }, (_, type) => ({ case: "file", value: { type, ...names } })),
    ...Array.from({ length: 14 }, (_, type) => ({ case: "network", value: { type, address } })),
    { case: "kernelCall", value: { arguments: fetched } },
    { case: "userCall", value: { arguments: fetched } },
    ...Array.from({ length: 7 }, (_, type) => ({ case: "container", value: { type, name: evil, imageName: evil } })),
    { case: "container", value: {} },
    { case: "chargen", value: { characters: evil } },
  ];
  for (const event of events) {
    const labels = { containerName: evil, containerId: evil, imageName: evil, commandLine: [evil] };
    const line = format({ event, ...labels } as EventShape);
    assert.not.match(line, /[\p{Cc}\p{Cf}]/u, line);
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

function format(shape: object, more: object = {}): string {
  return plain.format(create(TelemetryEventSchema, { ...base, ...shape, ...more } as EventShape));
}

const base = {
  unixTimeNanos: BigInt(noon.getTime()) * 1_000_000n,
  processPid: 1234,
  processTgid: 1234,
  credentials: {},
} as const;

test.run();
