import { spawn, spawnSync } from "node:child_process";
import { randomBytes, randomInt } from "node:crypto";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { requires } from "@kernscope/test-support";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { endOf, type PlainEvent, type PlainResponse, subscribeByGrpcJs } from "./testing/grpc-js-client.js";
import { inTemporaryDirectory, slowness, until } from "./testing/index.js";
import { type SensorProgram, startSensor } from "./testing/sensor-program.js";

const program = fileURLToPath(new URL("main.js", import.meta.url));
const types = ["FORK", "EXEC", "EXIT"].map((name) => `PROCESS_EVENT_TYPE_${name}`);
const COUNT = slowness === 1 ? 1000 : 100;
const kernel = requires({ root: true, perf: true, programs: ["/usr/bin/xargs", "/bin/true"] });
const withCurl = requires({ root: true, perf: true, programs: ["/usr/bin/xargs", "/bin/true", "/usr/bin/curl"] });

let started: Promise<{ sensor: SensorProgram; directory: string; path: string }> | undefined;

/** The real program, one for all tests: it takes most of a minute to start where the CPU is emulated. */
function running() {
  started ??= (async () => {
    const directory = await mkdtemp(join(tmpdir(), "kernscope-"));
    const path = join(directory, "s.sock");
    return { sensor: await startSensor(path), directory, path };
  })();
  return started;
}

function withPath(body: (path: string) => Promise<void>): () => Promise<void> {
  return async () => body((await running()).path);
}

test.after(async () => {
  const { sensor, directory } = (await started) ?? {};
  await sensor?.kill("SIGKILL");
  if (directory !== undefined) await rm(directory, { recursive: true });
});

kernel(
  "short-lived processes by gRPC: every fork, exec with all arguments, and exit; in order, without a gap, 0 lost",
  withPath(async (path) => {
    const events: PlainEvent[] = [];
    const stream = subscribeByGrpcJs(path, { event_filter: { process_events: types.map((type) => ({ type })) } });
    let first: PlainResponse | undefined;
    stream.on("data", (response: PlainResponse) => {
      first ??= response;
      for (const { event } of response.events) events.push(event);
    });
    const end = endOf(stream);
    await until(() => first !== undefined, "it has subscribed");
    assert.equal(first, { statuses: [{ code: 0, message: "", details: [] }], events: [] });

    const { pid, args } = await runMany(COUNT);
    await until(() => ofChildren(pid, "EXIT", events).length >= COUNT, "all have ended");
    stream.cancel();
    assert.is((await end)?.code, 1, "CANCELLED");

    const execs = ofChildren(pid, "EXEC", events);
    assert.equal(
      execs.map(({ process }) => JSON.stringify(process?.exec_command_line)).sort(),
      args.map((five) => JSON.stringify(["/bin/true", ...five])).sort(),
    );
    for (const { process, command_line } of execs) {
      assert.is(process?.exec_filename, "/bin/true");
      assert.not(process?.exec_command_line_truncated);
      assert.equal(command_line, process?.exec_command_line);
    }
    const exits = ofChildren(pid, "EXIT", events);
    assert.equal(
      exits.map(({ process }) => [process?.exit_code, process?.exit_status, process?.exit_signal].join()),
      Array(COUNT).fill("0,0,0"),
    );
    assertInOrder(pid, events);
    assertWithoutGap(events);
  }),
);

kernel(
  "statuses and signals that processes end with",
  withPath(async (path) => {
    const events: PlainEvent[] = [];
    const stream = subscribeByGrpcJs(path, { event_filter: { process_events: types.map((type) => ({ type })) } });
    let subscribed = false;
    stream.on("data", (response: PlainResponse) => {
      subscribed = true;
      for (const { event } of response.events) events.push(event);
    });
    const end = endOf(stream);
    await until(() => subscribed, "it has subscribed");
    const pids = new Map<number | undefined, string>();
    for (const [script, expected] of [
      ["exit 0", "0,0,0"],
      ["exit 1", "256,1,0"],
      ["exit 255", "65280,255,0"],
      ["kill -KILL $$", "9,0,9"],
      ["kill -TERM $$", "15,0,15"],
    ] as const) {
      const child = spawn("/bin/sh", ["-c", script], { stdio: "ignore" });
      pids.set(child.pid, expected);
      await once(child, "exit");
    }
    const exits = () => ofType(events, "EXIT").filter(({ process_tgid }) => pids.has(process_tgid));
    await until(() => exits().length === pids.size, "all have ended");
    for (const { process, process_tgid } of exits()) {
      const shown = [process?.exit_code, process?.exit_status, process?.exit_signal].join();
      assert.is(shown, pids.get(process_tgid));
    }
    stream.cancel();
    await end;
  }),
);

withCurl(
  "curl, HTTP/1.1 and JSON: the same events by the Connect protocol",
  withPath(async (path) => {
    const forDuration = `${(slowness === 1 ? 10 : 30) * 1e9}`;
    const subscription = { eventFilter: { processEvents: types.map((type) => ({ type })) }, forDuration };
    const body = Buffer.from(`.....${JSON.stringify({ subscription })}`);
    body.writeUInt8(0, 0);
    body.writeUInt32BE(body.length - 5, 1);
    const url = "http://localhost/capsule8.api.v0.TelemetryService/GetEvents";
    const header = "Content-Type: application/connect+json";
    const curl = spawn("/usr/bin/curl", ["-sSN", "--unix-socket", path, "-H", header, "--data-binary", "@-", url]);
    const closed = once(curl, "close");
    const chunks: Buffer[] = [];
    curl.stdout.on("data", (chunk) => chunks.push(chunk));
    curl.stdin.end(body);
    await until(() => chunks.length > 0, "it has subscribed");
    const { pid, args } = await runMany(100);
    const [status] = await closed;
    assert.is(status, 0);

    const messages = envelopes(Buffer.concat(chunks));
    assert.equal(messages[0], { flags: 0, message: { statuses: [{}] } });
    assert.equal(messages.at(-1), { flags: 2, message: {} });
    // biome-ignore lint/suspicious/noExplicitAny: JSON from the service
    const events = messages.flatMap(({ message }) => (message as any).events ?? []).map(({ event }) => event);
    const children = new Set(
      events
        .filter(({ processTgid, process }) => processTgid === pid && process?.forkChildPid)
        .map((e) => e.process.forkChildPid),
    );
    assert.is(children.size, 100);
    const lines = (type: string) =>
      events
        .filter(
          ({ process, processTgid }) => process?.type === `PROCESS_EVENT_TYPE_${type}` && children.has(processTgid),
        )
        .map(({ process }) => JSON.stringify(process.execCommandLine ?? process.exitCode ?? 0));
    assert.equal(lines("EXEC").sort(), args.map((five) => JSON.stringify(["/bin/true", ...five])).sort());
    assert.equal(lines("EXIT"), Array(100).fill("0"));
    assert.not(events.some(({ lost }) => lost));
  }),
);

kernel("SIGTERM: it ends with 0 and leaves nothing", async () => {
  const { sensor, directory } = await running();
  assert.is(await sensor.kill("SIGTERM"), 0, sensor.log());
  assert.equal(readdirSync(directory), []);
});

const withoutPrivileges = requires({ root: true, perf: true, programs: ["/usr/bin/setpriv"] });

withoutPrivileges(
  "without privileges: status 77, one paragraph, nothing left",
  inTemporaryDirectory(async (directory) => {
    const mounts = tracefsMounts();
    // User 0, who can read the program wherever it is, but without capabilities.
    const bare = ["--bounding-set=-all", "--inh-caps=-all"];
    const command = [process.execPath, program, "--listen", `unix:${join(directory, "s.sock")}`];
    const { status, stderr } = spawnSync("/usr/bin/setpriv", [...bare, ...command]);
    assert.is(status, 77, stderr.toString());
    assert.match(stderr.toString(), /^kernscope-sensor: [^\n]+run it as root, or grant it CAP_PERFMON[^\n]+\n$/);
    assert.equal(readdirSync(directory), []);
    assert.equal(tracefsMounts(), mounts);
  }),
);

/** The mounts that the program might make. */
function tracefsMounts(): string[] {
  const mounts = readFileSync("/proc/self/mounts", "utf8").split("\n");
  return mounts.filter((mount) => mount.split(" ")[2] === "tracefs");
}

/** Runs `/bin/true` as often, as fast as the machine can, each time with five random arguments. */
async function runMany(count: number): Promise<{ pid: number; args: string[][] }> {
  const args = Array.from({ length: count }, () => Array.from({ length: 5 }, randomArgument));
  const xargs = spawn("/usr/bin/xargs", ["-0", "-n", "5", "-P", "16", "/bin/true"], {
    stdio: ["pipe", "inherit", "inherit"],
  });
  xargs.stdin.end(
    args
      .flat()
      .map((arg) => `${arg}\0`)
      .join(""),
  );
  const [status] = await once(xargs, "exit");
  assert.is(status, 0);
  return { pid: xargs.pid ?? 0, args };
}

function randomArgument(): string {
  const text = randomBytes(randomInt(0, 60)).toString("base64");
  return randomInt(2) === 0 ? text : `${text} "é\n\u{1f642}'${randomInt(1_000_000)}`;
}

function ofType(events: readonly PlainEvent[], type: string): PlainEvent[] {
  return events.filter(({ process }) => process?.type === `PROCESS_EVENT_TYPE_${type}`);
}

/** Events of the processes that `parent` forked. */
function ofChildren(parent: number, type: string, events: readonly PlainEvent[]): PlainEvent[] {
  const forks = ofType(events, "FORK").filter(({ process_tgid }) => process_tgid === parent);
  const children = new Set(forks.map(({ process }) => process?.fork_child_pid));
  return ofType(events, type).filter(({ process_tgid }) => children.has(process_tgid));
}

/** Of each child there is a fork, then an exec, then an exit, and nothing else. */
function assertInOrder(parent: number, events: readonly PlainEvent[]): void {
  const stories = new Map<number, string[]>();
  for (const { process, process_tgid } of events) {
    const type = process?.type.replace("PROCESS_EVENT_TYPE_", "") ?? "";
    if (process_tgid === parent && type === "FORK") stories.set(process?.fork_child_pid ?? 0, [type]);
    else stories.get(process_tgid)?.push(type);
  }
  assert.is(stories.size, COUNT);
  for (const [pid, story] of stories) assert.equal(story, ["FORK", "EXEC", "EXIT"], `process ${pid}`);
}

function assertWithoutGap(events: readonly PlainEvent[]): void {
  assert.not(events.some(({ event }) => event === "lost"));
  assert.is(new Set(events.map(({ sensor_id }) => sensor_id)).size, 1);
  const numbers = events.map(({ sensor_sequence_number }) => Number(sensor_sequence_number));
  assert.equal(
    numbers,
    numbers.map((_, i) => i + 1),
  );
}

/** Messages of Connect's streaming protocol: a byte of flags, four of length, JSON. */
function envelopes(bytes: Buffer): { flags: number; message: unknown }[] {
  const found: { flags: number; message: unknown }[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = at + 5 + bytes.readUInt32BE(at + 1);
    found.push({ flags: bytes.readUInt8(at), message: JSON.parse(bytes.subarray(at + 5, end).toString()) });
    at = end;
  }
  return found;
}

test.run();
