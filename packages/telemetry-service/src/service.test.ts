import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { Code, ConnectError } from "@connectrpc/connect";
import { SensorError } from "@kernscope/sensor";
import type { GetEventsResponse } from "@kernscope/telemetry-api";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { TelemetryService } from "./service.js";
import { collect, idsOf, subscribe } from "./testing/get-events.js";
import { ask } from "./testing/http-client.js";
import { execEvent, FakeSensor, inTemporaryDirectory, until } from "./testing/index.js";
import { transportsTo } from "./testing/transports.js";
import { withService } from "./testing/with-service.js";

test(
  "statuses first and alone, then events, by every protocol",
  withService(async ({ sensor, path }) => {
    for (const [name, transport] of Object.entries(transportsTo(path))) {
      const stream = subscribe(transport, [{ kind: "exec" }, { kind: "open" }], { limit: 3 });
      const collected = collect(stream);
      await until(() => sensor.subscriptions.size === 1, `${name} has subscribed`);
      sensor.emit(execEvent(1, ["/bin/true", "a b"]), execEvent(2, ["/bin/é\u0000"]));
      sensor.emit(execEvent(3, []));
      const [first, ...rest] = await collected;
      assert.is(first?.events.length, 0, name);
      assert.equal(
        first?.statuses.map(({ code, message }) => [code, message]),
        [[12, "file.open: not served yet"]],
        name,
      );
      assert.equal(idsOf(rest), ["fake-1", "fake-2", "fake-3"], name);
      assert.equal(rest[0]?.events[0]?.event?.commandLine, ["/bin/true", "a b"], name);
      assert.is(rest[0]?.events[1]?.event?.commandLine[0], "/bin/é\u0000", name);
      assert.is(sensor.subscriptions.size, 0, name);
    }
  }),
);

test(
  "a single OK where all is honoured",
  withService(async ({ sensor, path }) => {
    const stream = subscribe(grpc(path), [{ kind: "exec" }], { durationNanos: 20_000_000 });
    const responses = await collect(stream);
    assert.equal(
      responses.map(({ statuses }) => statuses.map(({ code }) => code)),
      [[0]],
    );
    assert.is(sensor.requests[0]?.duration, 20_000_000);
  }),
);

test(
  "the sensor's errors have their codes, and faults are told to the owner only",
  withService(async ({ sensor, path, faults }) => {
    const expected = [
      ["invalid", Code.InvalidArgument],
      ["unimplemented", Code.Unimplemented],
      ["permission", Code.FailedPrecondition],
      ["unsupported", Code.FailedPrecondition],
      ["closed", Code.Unavailable],
    ] as const;
    for (const [code, status] of expected) {
      sensor.failure = new SensorError(code, `newSubscription(): ${code} – remedy`);
      await failsWith(status, /newSubscription\(\): \w+ – remedy/, subscribe(grpc(path), [{ kind: "exec" }]));
    }
    assert.equal(faults, []);
    sensor.failure = new SensorError("system", "read(): EIO");
    await failsWith(Code.Internal, /EIO/, subscribe(grpc(path), [{ kind: "exec" }]));
    sensor.failure = new TypeError("secret");
    await failsWith(Code.Internal, /^the service failed$/, subscribe(grpc(path), [{ kind: "exec" }]));
    assert.is(faults.length, 2);
    sensor.failure = undefined;
    await failsWith(Code.Unimplemented, /file\.open/, subscribe(grpc(path), [{ kind: "open" }]));
    assert.is(sensor.subscriptions.size, 0);
  }),
);

test(
  "a sensor that ends with an error ends the stream with it, behind its events",
  withService(async ({ sensor, path }) => {
    const stream = subscribe(grpc(path), [{ kind: "exec" }])[Symbol.asyncIterator]();
    await stream.next();
    const [subscription] = sensor.subscriptions;
    sensor.emit(execEvent(1, ["a"]));
    subscription?.end(new SensorError("closed", "the sensor was stopped"));
    assert.is((await stream.next()).value?.events[0]?.event?.id, "fake-1");
    await failsWith(Code.Unavailable, /was stopped/, { [Symbol.asyncIterator]: () => stream });
  }),
);

test(
  "a client's deadline ends the stream with DEADLINE_EXCEEDED and releases the subscription",
  withService(async ({ sensor, path }) => {
    const stream = subscribe(grpc(path), [{ kind: "exec" }], {}, { timeoutMs: 200 });
    await failsWith(Code.DeadlineExceeded, /timed out/, stream);
    await until(() => sensor.subscriptions.size === 0, "the subscription is released");
  }),
);

test(
  "a client that is killed while it does not read: its subscription is released",
  withService(async ({ sensor, service, path }) => {
    for (const protocol of ["http1", "http2"]) {
      const client = spawn(process.execPath, ["-e", stalledClient(protocol, path)], { stdio: "inherit" });
      await until(() => sensor.subscriptions.size === 1, "it has subscribed");
      const [subscription] = sensor.subscriptions;
      // The connection's buffers take some; then the handler is blocked.
      await until(() => {
        sensor.emit(...Array.from({ length: 100 }, (_, i) => execEvent(i, ["x".repeat(3000)])));
        return (subscription?.queued ?? 0) > 2000;
      }, "the handler is blocked");
      client.kill("SIGKILL");
      await once(client, "exit");
      await until(() => sensor.subscriptions.size === 0 && service.streams === 0, "the subscription is released");
    }
  }),
);

test(
  "an event goes to all subscribers",
  withService(async ({ sensor, service, path }) => {
    const all = Object.values(transportsTo(path)).map((transport) =>
      collect(subscribe(transport, [{ kind: "exec" }], { limit: 2 })),
    );
    await until(() => service.streams === all.length, "all have subscribed");
    sensor.emit(execEvent(1, ["a"]), execEvent(2, ["b"]));
    for (const responses of await Promise.all(all)) assert.equal(idsOf(responses), ["fake-1", "fake-2"]);
  }),
);

test(
  "one subscription too many is refused, until another one ends",
  withService(
    async ({ sensor, path }) => {
      const client = new AbortController();
      const first = subscribe(grpc(path), [{ kind: "exec" }], {}, { signal: client.signal })[Symbol.asyncIterator]();
      await first.next();
      await failsWith(Code.ResourceExhausted, /1 subscriptions/, subscribe(grpc(path), [{ kind: "exec" }]));
      client.abort();
      await until(() => sensor.subscriptions.size === 0, "the first one is released");
      await collect(subscribe(grpc(path), [{ kind: "exec" }], { durationNanos: 1_000_000 }));
    },
    { limits: { subscriptions: 1 } },
  ),
);

test(
  "stop: what waits is delivered, then all are told to come again later, the socket is gone",
  withService(async ({ sensor, service, path }) => {
    const transports = Object.values(transportsTo(path));
    const options = [{}, { limit: 2_000 }, { durationNanos: 60_000_000_000 }];
    const streams = transports.flatMap((each) => options.map((more) => subscribe(each, [{ kind: "exec" }], more)));
    const all = streams.map(collectToError);
    const idle = connect(path);
    idle.on("error", () => {});
    await until(() => service.streams === all.length, "all have subscribed");
    const lone = transports.length * 2;
    assert.is(sensor.subscriptions.size, 1 + lone, "what is the same for everybody is subscribed to once");
    sensor.emit(...Array.from({ length: 1000 }, (_, i) => execEvent(i, ["x".repeat(100)])));
    await service.stop();
    for (const { responses, error } of await Promise.all(all)) {
      assert.is(idsOf(responses).length, 1000);
      assert.is(error?.code, Code.Unavailable);
      assert.match(error?.rawMessage ?? "", /about to stop – connect again later/);
    }
    assert.not(existsSync(path));
    assert.is(sensor.subscriptions.size, 0);
  }),
);

test(
  "a sensor that stops before the service: streams that got what they asked for end well, the others are to come again",
  withService(async ({ sensor, path }) => {
    const limited = collectToError(subscribe(grpc(path), [{ kind: "exec" }], { limit: 1 }));
    const endless = collectToError(subscribe(grpc(path), [{ kind: "exec" }]));
    await until(() => sensor.subscriptions.size === 2, "both have subscribed");
    sensor.emit(execEvent(1, ["a"]));
    assert.is((await limited).error, undefined);
    sensor.stopping = true;
    for (const subscription of sensor.subscriptions) subscription.end();
    const { responses, error } = await endless;
    assert.equal(idsOf(responses), ["fake-1"]);
    assert.is(error?.code, Code.Unavailable);
  }),
);

test(
  "every protocol's refusals are counted by their code, streams that end later are not",
  withService(async ({ sensor, service, path }) => {
    const refused = async () => {
      const text = await (await ask({ socketPath: path, path: "/metrics" })).end;
      const counts = text.matchAll(/^kernscope_refused_requests_total\{code="(\w+)"\} (\d+)$/gm);
      return Object.fromEntries([...counts].map(([, code, count]) => [code, Number(count)]));
    };
    const transports = Object.values(transportsTo(path));
    for (const transport of transports) {
      await collectToError(subscribe(transport, [{ kind: "exec", where: {} }]));
      await collectToError(subscribe(transport, [{ kind: "open" }]));
    }
    const count = transports.length;
    assert.equal(await refused(), { InvalidArgument: count, Unimplemented: count });
    const streams = transports.map((transport) => collectToError(subscribe(transport, [{ kind: "exec" }])));
    await until(() => service.streams === count, "all have subscribed");
    for (const subscription of sensor.subscriptions) subscription.end(new SensorError("closed", "it was stopped"));
    for (const { error } of await Promise.all(streams)) assert.is(error?.code, Code.Unavailable);
    assert.equal(await refused(), { InvalidArgument: count, Unimplemented: count });
    const page = await ask({ socketPath: path, path: "/v0/events", headers: { origin: "https://evil.example" } });
    assert.is(page.status, 403);
    assert.equal(await refused(), { InvalidArgument: count, Unimplemented: count, PermissionDenied: 1 });
  }),
);

test(
  "stop does not wait for ever for a client that does not read",
  withService(
    async ({ sensor, service, path }) => {
      const clients = ["http1", "http2"].map((protocol) =>
        spawn(process.execPath, ["-e", stalledClient(protocol, path)], { stdio: "inherit" }),
      );
      await until(() => service.streams === 2, "they have subscribed");
      for (let i = 0; i < 30; i++) sensor.emit(...Array.from({ length: 100 }, () => execEvent(i, ["x".repeat(3000)])));
      await service.stop();
      assert.is(service.streams, 0);
      for (const client of clients) client.kill("SIGKILL");
    },
    { limits: { stopTime: 200 } },
  ),
);

test(
  "several addresses, all or none",
  inTemporaryDirectory(async (directory) => {
    const paths = ["a", "b"].map((name) => join(directory, name));
    const service = new TelemetryService(
      new FakeSensor(),
      paths.map((path) => `unix:${path}`),
    );
    await service.serve();
    for (const path of paths) await collect(subscribe(grpc(path), [{ kind: "exec" }], { durationNanos: 1_000_000 }));
    const other = new TelemetryService(new FakeSensor(), [`unix:${join(directory, "c")}`, `unix:${paths[0]}`]);
    await rejects("in_use", other.serve());
    assert.equal(readdirSync(directory).sort(), ["a", "b"]);
    await rejects("invalid", new TelemetryService(new FakeSensor(), "0.0.0.0:8484").serve());
    await service.stop();
    await other.stop();
    await rejects(
      "closed",
      new TelemetryService(new FakeSensor(), []).stop().then(() => serveAfterStop(directory)),
    );
    assert.equal(readdirSync(directory), []);
  }),
);

/** Collects what comes until the stream ends, and what it ends with. */
async function collectToError(stream: ReturnType<typeof subscribe>) {
  const responses: GetEventsResponse[] = [];
  try {
    for await (const response of stream) responses.push(response);
    return { responses, error: undefined };
  } catch (error) {
    return { responses, error: ConnectError.from(error) };
  }
}

async function serveAfterStop(directory: string): Promise<void> {
  const service = new TelemetryService(new FakeSensor(), `unix:${join(directory, "d")}`);
  await service.stop();
  await service.serve();
}

function grpc(path: string) {
  const transport = transportsTo(path)["gRPC over HTTP/2"];
  if (transport === undefined) throw new Error("no transport");
  return transport;
}

async function failsWith(code: Code, message: RegExp, stream: Parameters<typeof collect>[0]): Promise<void> {
  try {
    await collect(stream);
  } catch (error) {
    assert.instance(error, ConnectError);
    assert.is((error as ConnectError).code, code, String(error));
    assert.match((error as ConnectError).rawMessage, message);
    return;
  }
  assert.unreachable("did not fail");
}

async function rejects(code: string, promise: Promise<void>): Promise<void> {
  const error = await promise.then(
    () => undefined,
    (reason) => reason,
  );
  assert.is(error?.code, code, String(error));
}

/** Source of a client that subscribes and then never reads. */
function stalledClient(protocol: string, path: string): string {
  const method = "/capsule8.api.v0.TelemetryService/GetEvents";
  const head = { "content-type": "application/connect+json" };
  return `
    const { connect } = require("node:net");
    const body = Buffer.from('.....{"subscription":{"eventFilter":{"processEvents":[{"type":2}]}}}');
    body.writeUInt8(0, 0);
    body.writeUInt32BE(body.length - 5, 1);
    if (${JSON.stringify(protocol)} === "http1") {
      const { request } = require("node:http");
      const call = request({ socketPath: ${JSON.stringify(path)}, method: "POST", path: "${method}", headers: ${JSON.stringify(head)} });
      call.on("response", (response) => response.pause());
      call.end(body);
    } else {
      const session = require("node:http2").connect("http://localhost", { createConnection: () => connect(${JSON.stringify(path)}) });
      const call = session.request({ ":method": "POST", ":path": "${method}", ...${JSON.stringify(head)} });
      call.pause();
      call.end(body);
    }
    setInterval(() => {}, 1000);`;
}

test.run();
