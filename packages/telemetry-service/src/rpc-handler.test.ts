import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import { connect } from "node:net";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { create, toBinary } from "@bufbuild/protobuf";
import {
  GetEventsRequestSchema,
  grpcReflection,
  subscriptionFor,
  TelemetryService as TelemetryServiceDesc,
} from "@kernscope/telemetry-api";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { ServiceLimits } from "./limits.js";
import { TelemetryService } from "./service.js";
import { FakeSensor, inTemporaryDirectory } from "./testing/index.js";

const method = "/capsule8.api.v0.TelemetryService/GetEvents";
const grpc = { ":method": "POST", ":path": method, "content-type": "application/grpc" };
const exec = toBinary(
  GetEventsRequestSchema,
  create(GetEventsRequestSchema, { subscription: subscriptionFor([{ kind: "exec" }]) }),
);

test(
  "whatever a client says it connected to, it is served",
  withSocket(async (path) => {
    const request = `POST ${method} HTTP/1.1\r\nHost: %s\r\nContent-Type: application/connect+json\r\nConnection: close\r\n`;
    for (const host of ["", "[", "a b", "unix:%2Frun", "x".repeat(1000), "é"]) {
      const answer = await raw(path, `${request.replace("%s", host)}Content-Length: 0\r\n\r\n`);
      assert.match(answer, /^HTTP\/1.1 200 OK\r\n/, host);
    }
    const answer = await raw(path, `POST ${method} HTTP/1.0\r\nContent-Type: application/connect+json\r\n\r\n`);
    assert.match(answer, /^HTTP\/1.1 200 OK\r\n/);
    for (const authority of ["localhost", "a:b:c", "%2Frun"]) {
      const { status } = await call(path, { ...grpc, ":authority": authority }, envelope(Buffer.alloc(0)));
      assert.is(status, "3", `INVALID_ARGUMENT: ${authority}`);
    }
  }),
);

test(
  "what is not served is told",
  withSocket(async (path) => {
    const { headers } = await call(path, { ":path": "/" });
    assert.is(headers[":status"], 404);
    const wrongType = await call(path, { ...grpc, "content-type": "text/plain" }, Buffer.alloc(1000));
    assert.is(wrongType.headers[":status"], 415);
    assert.match(
      await raw(path, "GET //a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"),
      /404[\s\S]*nothing is served here/,
    );
  }),
);

test(
  "a request that is too long, claims to be, or unpacks to be, is refused",
  withSocket(async (path) => {
    const claims = Buffer.from([0, 0xff, 0xff, 0xff, 0xff]);
    const bomb = envelope(gzipSync(Buffer.alloc(10 * 1024 * 1024)), 1);
    const gzip = { ...grpc, "grpc-encoding": "gzip" };
    for (const { head, body } of [
      { head: grpc, body: envelope(Buffer.alloc(64 * 1024 + 1)) },
      { head: grpc, body: claims },
      { head: gzip, body: bomb },
    ]) {
      const { status } = await call(path, head, body);
      assert.is(status, "8", "RESOURCE_EXHAUSTED");
    }
  }),
);

test(
  "a packed request is understood, and events are not packed",
  withSocket(async (path, sensor) => {
    const head = { ...grpc, "grpc-encoding": "gzip", "grpc-accept-encoding": "gzip" };
    const pending = call(path, head, envelope(gzipSync(exec), 1));
    while (sensor.subscriptions.size === 0) await new Promise(setImmediate);
    sensor.emit({ id: "x".repeat(10_000) });
    for (const subscription of sensor.subscriptions) subscription.end();
    const { status, body } = await pending;
    assert.is(status, "0");
    assert.ok(body.includes("x".repeat(10_000)));
  }),
);

test(
  "an answer that its client does not take is cut, also while more of it waits to be written",
  withSocket(
    async (path) => {
      const { method, typeName } = grpcReflection.ServerReflection;
      const messageRequest = { case: "fileContainingSymbol", value: TelemetryServiceDesc.typeName } as const;
      const question = create(grpcReflection.ServerReflectionRequestSchema, { messageRequest });
      const session = connectHttp2("http://localhost", {
        createConnection: () => connect(path),
        settings: { initialWindowSize: 0 },
      });
      const stream = session.request({ ...grpc, ":path": `/${typeName}/${method.serverReflectionInfo.name}` });
      stream.on("error", () => {});
      stream.end(envelope(toBinary(grpcReflection.ServerReflectionRequestSchema, question)));
      await once(stream, "response");
      await once(stream, "close");
      session.destroy();
    },
    { requestTime: 200, progressTime: 200 },
  ),
);

function withSocket(body: (path: string, sensor: FakeSensor) => Promise<void>, limits: Partial<ServiceLimits> = {}) {
  return inTemporaryDirectory(async (directory) => {
    const path = join(directory, "s.sock");
    const sensor = new FakeSensor();
    const faults: unknown[] = [];
    const service = new TelemetryService(sensor, `unix:${path}`, {
      onFault: (error) => faults.push(error),
      limits,
    });
    await service.serve();
    try {
      await body(path, sensor);
    } finally {
      await service.stop();
    }
    assert.equal(faults, []);
  });
}

function envelope(message: Uint8Array, flags = 0): Buffer {
  const head = Buffer.from([flags, 0, 0, 0, 0]);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

async function raw(path: string, text: string): Promise<string> {
  const socket = connect(path);
  let answer = "";
  socket.on("data", (data) => {
    answer += data;
  });
  socket.write(text);
  await once(socket, "close");
  return answer;
}

async function call(path: string, head: Record<string, string>, message?: Uint8Array) {
  const session = connectHttp2("http://localhost", { createConnection: () => connect(path) });
  const stream = session.request(head, { endStream: message === undefined });
  if (message !== undefined) stream.end(message);
  let status: string | undefined;
  let headers: Record<string, unknown> = {};
  const chunks: Buffer[] = [];
  stream.on("data", (chunk) => chunks.push(chunk));
  stream.on("trailers", (trailers) => {
    status = String(trailers["grpc-status"]);
  });
  stream.on("response", (response) => {
    headers = response;
    if (response["grpc-status"] !== undefined) status = String(response["grpc-status"]);
  });
  await once(stream, "end");
  session.destroy();
  return { headers, status, body: Buffer.concat(chunks) };
}

test.run();
