import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { TelemetryService } from "@kernscope/telemetry-service";
import { execEvent, exitEvent, FakeSensor, inTemporaryDirectory, until } from "@kernscope/telemetry-service/testing";
import { test } from "uvu";
import * as assert from "uvu/assert";

const program = fileURLToPath(new URL("main.js", import.meta.url));

interface Run {
  child: ReturnType<typeof start>["child"];
  /** Exit status, or the name of the signal that ended it, and what it wrote. */
  done: Promise<{ status: number | string; stdout: string; stderr: string }>;
}

function start(...args: string[]) {
  const child = spawn(process.execPath, [program, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  const written = { stdout: "", stderr: "" };
  child.stdout.on("data", (chunk) => (written.stdout += chunk));
  child.stderr.on("data", (chunk) => (written.stderr += chunk));
  const done = once(child, "close").then(([status, signal]) => ({ status: status ?? signal, ...written }));
  return { child, done };
}

/** Serves a fake sensor and hands out a way to run `kernscope events` against it. */
function withService(body: (sensor: FakeSensor, run: (...args: string[]) => Promise<Run>) => Promise<void>) {
  return inTemporaryDirectory(async (directory) => {
    const sensor = new FakeSensor();
    const address = `unix:${join(directory, "sensor.sock")}`;
    const service = new TelemetryService(sensor, address);
    await service.serve();
    try {
      await body(sensor, async (...args) => {
        const run = start("events", "--address", address, ...args);
        const ended = run.done.then(() => true);
        await until(async () => sensor.subscriptions.size > 0 || Promise.race([ended, false]), "it has subscribed");
        return run;
      });
    } finally {
      await service.stop();
    }
  });
}

test(
  "a line for each event, for people",
  withService(async (sensor, run) => {
    const { done } = await run("exec", "exit", "--limit", "2");
    sensor.emit(execEvent(1, ["/bin/echo", "a b"]), exitEvent(2, 3));
    const { status, stdout, stderr } = await done;
    assert.equal([status, stderr], [0, ""]);
    assert.match(stdout, /^\d\d:\d\d:\d\d\.\d{3} {4}1001 exec root {5}\/bin\/echo 'a b'\n.* exit root .* → 3\n$/);
    assert.equal(
      sensor.requests[0]?.filters.map(({ kind }) => kind),
      ["process.exec", "process.exit"],
    );
  }),
);

test(
  "a JSON object for each event, for programs",
  withService(async (sensor, run) => {
    const { done } = await run("-o", "json", "--limit", "2");
    sensor.emit(execEvent(1, ["/bin/echo", "a\nb"]), execEvent(2, []));
    const { status, stdout } = await done;
    assert.is(status, 0);
    const events = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    assert.equal(
      events.map(({ sensorSequenceNumber }) => sensorSequenceNumber),
      ["1", "2"],
    );
    assert.equal(events[0].process.execCommandLine, ["/bin/echo", "a\nb"]);
    assert.is(events[0].process.type, "PROCESS_EVENT_TYPE_EXEC");
  }),
);

test(
  "--for ends it, Ctrl-C ends it, both with status 0",
  withService(async (sensor, run) => {
    assert.is((await (await run("--for", "100ms")).done).status, 0);
    const { child, done } = await run("exec");
    sensor.emit(execEvent(1, ["/bin/true"]));
    await until(() => child.stdout.readableFlowing === true, "it writes");
    child.kill("SIGINT");
    assert.equal([(await done).status, (await done).stderr], [0, ""]);
    await until(() => sensor.subscriptions.size === 0, "the subscription is gone");
  }),
);

test(
  "when nobody reads any more it ends without a word",
  withService(async (sensor, run) => {
    const { child, done } = await run("exec");
    child.stdout.destroy();
    for (let i = 1; sensor.subscriptions.size > 0 && i < 1000; i++) {
      sensor.emit(execEvent(i, ["/bin/true"]));
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    assert.equal(await done, { status: 0, stdout: "", stderr: "" });
  }),
);

test(
  "what the service does not serve is told, or refused",
  withService(async (_sensor, run) => {
    const some = await (await run("exec", "open", "--for", "50ms")).done;
    assert.equal([some.status, some.stdout], [0, ""]);
    assert.match(some.stderr, /^kernscope: file\.open: .*\n$/);
    const none = await (await run("open")).done;
    assert.equal([none.status, none.stdout], [1, ""]);
    assert.match(none.stderr, /^kernscope: events\(unix:.*\): .*file\.open.*\n$/);
  }),
);

test(
  "a service that stops ends the command with a word",
  withService(async (sensor, run) => {
    const { done } = await run("exec");
    for (const subscription of sensor.subscriptions) subscription.end();
    const { status, stderr } = await done;
    assert.is(status, 1);
    assert.match(stderr, /^kernscope: .*has ended the stream.*\n$/);
  }),
);

test(
  "no service, no socket, no right: one line that says how to mend it",
  inTemporaryDirectory(async (directory) => {
    writeFileSync(join(directory, "file"), "");
    for (const [name, what] of [
      ["nothing", "there is no service"],
      ["file", "there is no service"],
    ] as const) {
      const { status, stdout, stderr } = await start("events", "--address", `unix:${join(directory, name)}`).done;
      assert.equal([status, stdout], [1, ""]);
      assert.match(stderr, what);
      assert.match(stderr, /^kernscope: [^\n]+ – [^\n]+\n$/);
    }
  }),
);

test("a wrong command line has status 2 and says what would be right", async () => {
  for (const [args, what] of [
    [["exce"], "did you mean exec?"],
    [["exec where filename == 1"], "not served yet"],
    [["--for", "soon"], "such as 5s"],
    [["--limit", "0"], "from 1"],
    [["--address", "nowhere"], "HOST:PORT"],
    [["-o", "xml"], "pretty, json"],
    [["--what"], "unknown option"],
  ] as const) {
    const { status, stdout, stderr } = await start("events", ...args).done;
    assert.equal([status, stdout], [2, ""], stderr);
    assert.match(stderr, what);
    assert.not.match(stderr, "    at ");
  }
});

test("help and version", async () => {
  const help = await start("events", "--help").done;
  assert.is(help.status, 0);
  for (const option of ["--limit", "--for", "--output", "--address"]) assert.match(help.stdout, option);
  assert.match((await start("--version").done).stdout, /^\d+\.\d+\.\d+\n$/);
});

test.run();
