import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { createServer as createHttp2Server } from "node:http2";
import { createServer } from "node:net";
import { join } from "node:path";
import { fromJsonString } from "@bufbuild/protobuf";
import { SensorError } from "@kernscope/sensor";
import { LostRecordCause, TelemetryEventSchema } from "@kernscope/telemetry-api";
import { execEvent, exitEvent, forkEvent, inTemporaryDirectory, until } from "@kernscope/telemetry-service/testing";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { fails, start, withService } from "./program.test.support.js";

const hostile = "\u001b]0;owned\u0007\u009b2J\n";
const withCredentials = { credentials: { uid: 0, euid: 0 } };

test(
  "a readable line an event, with nothing that a terminal would obey",
  withService(async ({ sensor, address }) => {
    const cli = start(["events", "--address", address, "--limit", "4"]);
    await until(() => sensor.subscriptions.size === 1, "it has subscribed");
    sensor.emit(
      forkEvent(1),
      execEvent(2, ["/bin/ls", "a b", hostile], withCredentials),
      exitEvent(3, 0),
      exitEvent(4, 0, 9),
    );
    const { status, stdout, stderr } = await cli.ended;
    assert.is(status, 0, stderr);
    assert.is(stderr, "");
    const lines = stdout.trimEnd().split("\n");
    const time = "\\d\\d:\\d\\d:\\d\\d\\.\\d{3}";
    assert.is(lines.length, 4);
    assert.match(lines[0] ?? "", new RegExp(`^${time} +1001 fork +root +child 1002 +/bin/sh -c work$`));
    assert.match(
      lines[1] ?? "",
      new RegExp(`^${time} +1002 exec +root +/bin/ls 'a b' \\$'\\\\x1b\\]0;owned\\\\x07\\\\u009b2J\\\\n'$`),
    );
    assert.match(lines[2] ?? "", new RegExp(`^${time} +1003 exit +root +status 0 +/bin/sh -c work$`));
    assert.match(lines[3] ?? "", new RegExp(`^${time} +1004 exit +root +SIGKILL +/bin/sh -c work$`));
    assert.equal(sensor.requests[0]?.filters, [
      { kind: "process.fork" },
      { kind: "process.exec" },
      { kind: "process.exit" },
    ]);
  }),
);

test(
  "-o json: a protobuf-JSON event a line",
  withService(async ({ sensor, address }) => {
    const cli = start(["events", "exec", "-o", "json", "--address", address, "--limit", "2"]);
    await until(() => sensor.subscriptions.size === 1, "it has subscribed");
    sensor.emit(execEvent(1, ["/bin/ls", hostile]), execEvent(2, ["b"]));
    const { status, stdout } = await cli.ended;
    assert.is(status, 0);
    assert.not.match(stdout.replaceAll("\n", ""), /\p{Cc}/u);
    const events = stdout
      .trimEnd()
      .split("\n")
      .map((line) => fromJsonString(TelemetryEventSchema, line));
    assert.equal(
      events.map(({ id }) => id),
      ["fake-1", "fake-2"],
    );
    assert.equal(events[0]?.commandLine, ["/bin/ls", hostile]);
    assert.equal(sensor.requests[0]?.filters, [{ kind: "process.exec" }]);
  }),
);

test(
  "--for ends by itself",
  withService(async ({ sensor, address }) => {
    const { status, stdout, stderr } = await start(["events", "--for", "200ms", "--address", address]).ended;
    assert.equal({ status, stdout, stderr }, { status: 0, stdout: "", stderr: "" });
    assert.is(sensor.requests[0]?.duration, 200_000_000);
  }),
);

test(
  "Ctrl-C and SIGTERM end the stream: what came is printed, status 0",
  withService(async ({ sensor, address }) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) {
      const cli = start(["events", "-o", "json", "--address", address]);
      await until(() => sensor.subscriptions.size === 1, "it has subscribed");
      sensor.emit(execEvent(1, ["a"]));
      await until(() => cli.stdout().includes("fake-1"), "it is printed");
      cli.child.kill(signal);
      const { status, stderr } = await cli.ended;
      assert.equal({ status, stderr }, { status: 0, stderr: "" });
      await until(() => sensor.subscriptions.size === 0, "the subscription is released");
    }
  }),
);

test(
  "an output that nobody reads any more ends it quietly, as in `| head`",
  withService(async ({ sensor, address }) => {
    const cli = start(["events", "--address", address]);
    await until(() => sensor.subscriptions.size === 1, "it has subscribed");
    cli.child.stdout.destroy();
    await until(() => {
      sensor.emit(execEvent(1, ["x".repeat(1000)]));
      return cli.child.exitCode !== null;
    }, "it has ended");
    const { status, stderr } = await cli.ended;
    assert.equal({ status, stderr }, { status: 0, stderr: "" });
  }),
);

test(
  "a slow reader slows the stream down, loses nothing, and cannot keep Ctrl-C from ending it",
  withService(async ({ sensor, service, address }) => {
    const cli = start(["events", "-o", "json", "--address", address]);
    await until(() => sensor.subscriptions.size === 1, "it has subscribed");
    cli.child.stdout.pause();
    let sequence = 0;
    await until(() => {
      for (let i = 0; i < 100; i++) sensor.emit(execEvent(++sequence, ["x".repeat(1000)]));
      return service.queued > 2000;
    }, "the stream stands still");
    cli.child.stdout.resume();
    await until(() => cli.stdout().includes(`"fake-${sequence}"`), "all is printed");
    assert.is(cli.stdout().trimEnd().split("\n").length, sequence);

    cli.child.stdout.pause();
    await until(() => {
      for (let i = 0; i < 100; i++) sensor.emit(execEvent(++sequence, ["x".repeat(1000)]));
      return service.queued > 2000;
    }, "the stream stands still again");
    cli.child.kill("SIGINT");
    await once(cli.child, "exit");
    assert.ok(cli.child.signalCode === "SIGINT" || cli.child.exitCode === 0, `ended with ${cli.child.exitCode}`);
  }),
);

test(
  "lost events and what is not honoured are told loudly",
  withService(async ({ sensor, address }) => {
    sensor.served.delete("process.fork");
    const cli = start(["events", "--address", address, "--limit", "2"]);
    await until(() => sensor.subscriptions.size === 1, "it has subscribed");
    const value = { lost: 5n, cause: LostRecordCause.SLOW_CLIENT };
    sensor.emit({ event: { case: "lost", value } }, execEvent(2, ["a"]));
    for (const subscription of sensor.subscriptions) subscription.end();
    const { status, stdout, stderr } = await cli.ended;
    assert.match(stdout, / LOST 5 events: this client reads too slowly/);
    assert.match(stderr, /^kernscope: not honoured: process\.fork: not served yet\n/);
    assert.match(stderr, /\nkernscope: 5 events were lost\n/);
    // One event less than it was to have.
    assert.match(stderr, /\nkernscope: the service at .+ ended the stream – look at its log\n$/);
    assert.is(status, 1);
  }),
);

test(
  "a subscription that is refused, and a service that stops: one line, status 1",
  withService(async ({ sensor, service, address }) => {
    await fails(["events", "open", "--address", address], 1, /refuses the subscription: .*file\.open/);
    sensor.failure = new SensorError("permission", `no\u001b[2J`);
    await fails(["events", "--address", address], 1, /refuses the subscription: no\\x1b\[2J$/);
    sensor.failure = undefined;
    const cli = start(["events", "--address", address]);
    await until(() => sensor.subscriptions.size === 1, "it has subscribed");
    await service.stop();
    const { status, stderr } = await cli.ended;
    assert.is(status, 1);
    assert.match(stderr, /^kernscope: the service at unix:[^\n]+ is not there any more: [^\n]+about to stop[^\n]+\n$/);
  }),
);

test(
  "no service there: one line with a remedy, status 1",
  inTemporaryDirectory(async (directory) => {
    const path = join(directory, "s.sock");
    await fails(
      ["events", "--address", `unix:${path}`],
      1,
      /no service at unix:.*no such socket – start kernscope-sensor/,
    );
    const file = join(directory, "file");
    await writeFile(file, "");
    await fails(["events", "--address", `unix:${file}`], 1, /no service at unix:.*nobody listens there – start/);
    await fails(
      ["events", "--address", "127.0.0.1:1"],
      1,
      /no service at 127\.0\.0\.1:1: nobody listens there – start/,
    );
    for (const other of [
      createServer((socket) => socket.destroy()),
      createServer((socket) => socket.resume().end("hello\r\n")),
    ]) {
      other.listen(path);
      await once(other, "listening");
      await fails(["events", "--address", `unix:${path}`], 1, /failed, or is no telemetry service/);
      await new Promise((resolve) => other.close(resolve));
    }
  }),
);

test(
  "wrong usage: one line, status 2",
  inTemporaryDirectory(async () => {
    await fails(["events", "exce"], 2, /"exce": there is no event of this kind – did you mean exec\?/);
    await fails(["events", "open:x"], 2, /open has nothing behind a colon/);
    await fails(["events", "kernel-call"], 2, /kernel-call: write kernel-call:FUNCTION/);
    await fails(["events", "--container", ""], 2, /--container/);
    await fails(["events", "--subscription", "/no/such/file"], 2, /\/no\/such\/file: ENOENT/);
    await fails(["events", "exec", "--subscription", "x"], 2, /leave out selectors/);
    await fails(["events", "--for", "5"], 2, /"5" is no time/);
    await fails(["events", "--limit", "-1"], 2, /--limit/);
    await fails(["events", "-o", "xml"], 2, /xml/);
    await fails(["events", "--address", "x\u001b"], 2, /--address "x\\u001b": no address/);
    await fails(["event"], 2, /unknown command 'event'/);
    await fails(["events", "--fro", "5s"], 2, /unknown option '--fro'/);
    assert.is((await start([]).ended).status, 2);
    assert.is((await start(["--help"]).ended).status, 0);
    assert.is((await start(["events", "--help"]).ended).status, 0);
  }),
);

test("over TCP", async () => {
  const server = createHttp2Server();
  server.on("stream", (stream, headers) => {
    assert.is(headers[":path"], "/capsule8.api.v0.TelemetryService/GetEvents");
    const trailers = { "grpc-status": "7", "grpc-message": "not%20you" };
    stream.respond({ ":status": 200, "content-type": "application/grpc+proto", ...trailers }, { endStream: true });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  await fails(["events", "--address", `127.0.0.1:${port}`], 1, /refuses the subscription: not you$/);
  server.close();
});

test.run();
