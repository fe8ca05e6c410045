import { execFile } from "node:child_process";
import { createRequire } from "node:module";
import { connect } from "node:net";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { grpcHealth, grpcReflection, grpcReflectionAlpha } from "@kernscope/telemetry-api";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { withService } from "../testing/with-service.js";

const run = promisify(execFile);
const buf = join(dirname(createRequire(import.meta.url).resolve("@bufbuild/buf/package.json")), "bin/buf");
const { SERVING, NOT_SERVING, SERVICE_UNKNOWN } = grpcHealth.HealthCheckResponse_ServingStatus;

test(
  "buf curl lists the methods, by the new reflection and the old one",
  withService(async ({ path }) => {
    for (const protocol of ["grpc-v1", "grpc-v1alpha"]) {
      const args = ["curl", "--list-methods", "--http2-prior-knowledge", "--protocol", "grpc"];
      const socket = ["--unix-socket", path, "--reflect-protocol", protocol, "http://localhost"];
      const { stdout } = await run(process.execPath, [buf, ...args, ...socket]);
      assert.equal(stdout.trim().split("\n").sort(), [
        "capsule8.api.v0.TelemetryService/GetEvents",
        "grpc.health.v1.Health/Check",
        "grpc.health.v1.Health/Watch",
        "grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
        "grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
      ]);
    }
  }),
);

test(
  "every question of reflection has an answer",
  withService(async ({ path }) => {
    for (const service of [grpcReflection.ServerReflection, grpcReflectionAlpha.ServerReflection]) {
      const client = createClient(service as typeof grpcReflection.ServerReflection, transport(path));
      const ask = async (messageRequest: { case: string; value: unknown } | { case: undefined }) => {
        async function* questions() {
          yield { host: "h", messageRequest } as never;
        }
        for await (const { validHost, messageResponse } of client.serverReflectionInfo(questions())) {
          assert.is(validHost, "h");
          const { case: kind, value } = messageResponse;
          if (kind === "errorResponse") return value.errorCode;
          return kind === "fileDescriptorResponse" ? value.fileDescriptorProto.length : kind;
        }
        return "no answer";
      };
      const symbol = (value: string) => ask({ case: "fileContainingSymbol", value });
      assert.is(
        await symbol("capsule8.api.v0.TelemetryService"),
        await symbol("capsule8.api.v0.TelemetryService.GetEvents"),
      );
      assert.ok(Number(await symbol("capsule8.api.v0.TelemetryService")) > 4, "with all that it needs");
      assert.type(await symbol("capsule8.api.v0.TelemetryEvent.id"), "number");
      assert.is(await symbol("capsule8.api.v0.TelemetryEvent.none"), 5);
      assert.is(await symbol("nothing"), 5);
      assert.is(await symbol("."), 5);
      assert.type(await ask({ case: "fileByFilename", value: "capsule8/api/v0/types.proto" }), "number");
      assert.is(await ask({ case: "fileByFilename", value: "../types.proto" }), 5);
      const type = "capsule8.api.v0.TelemetryEvent";
      assert.is(await ask({ case: "allExtensionNumbersOfType", value: type }), "allExtensionNumbersResponse");
      assert.is(await ask({ case: "fileContainingExtension", value: { containingType: type, extensionNumber: 1 } }), 5);
      assert.is(await ask({ case: undefined }), 3);
    }
  }),
);

test(
  "health: each service and all together, and watchers hear of the end",
  withService(async ({ service, path }) => {
    const client = createClient(grpcHealth.Health, transport(path));
    for (const name of ["", "capsule8.api.v0.TelemetryService"]) {
      assert.is((await client.check({ service: name })).status, SERVING);
    }
    const unknown = await client.check({ service: "x" }).catch((error) => error);
    assert.is(unknown.code, 5);
    const watch = client.watch({ service: "" })[Symbol.asyncIterator]();
    assert.is((await watch.next()).value?.status, SERVING);
    const lost = client.watch({ service: "x" })[Symbol.asyncIterator]();
    assert.is((await lost.next()).value?.status, SERVICE_UNKNOWN);
    const stopped = service.stop();
    assert.is((await watch.next()).value?.status, NOT_SERVING);
    assert.ok((await watch.next()).done);
    await stopped;
  }),
);

function transport(path: string) {
  return createGrpcTransport({ baseUrl: "http://localhost", nodeOptions: { createConnection: () => connect(path) } });
}

test.run();
