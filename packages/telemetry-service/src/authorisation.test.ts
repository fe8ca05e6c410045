import { writeFileSync } from "node:fs";
import type { OutgoingHttpHeaders } from "node:http";
import { join } from "node:path";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { grpcReflection } from "@kernscope/telemetry-api";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { isLoopback } from "./authorisation.js";
import { TelemetryService, type TelemetryServiceOptions } from "./service.js";
import { freePort } from "./testing/free-port.js";
import { collect, subscribe } from "./testing/get-events.js";
import { getEventsPath } from "./testing/grpc-request.js";
import { ask } from "./testing/http-client.js";
import { FakeSensor, inTemporaryDirectory } from "./testing/index.js";

const TOKEN = "0123456789abcdef-token";
const origin = "https://good.example";
const events = "/v0/events?select=exec&seconds=1";
const doors = [events, getEventsPath, "/metrics", "/healthz", "/readyz", "/nothing"];
const reflection = `/${grpcReflection.ServerReflection.typeName}/ServerReflectionInfo`;

test(
  "a page's browser asks without a token whether the page may send one",
  withTokens(async (get) => {
    const asked = {
      origin,
      "access-control-request-method": "POST",
      "access-control-request-headers": "authorization",
    };
    for (const path of [events, getEventsPath]) {
      const preflight = await get(path, asked, "OPTIONS");
      assert.is(preflight.status, 204, path);
      assert.is(preflight.headers["access-control-allow-origin"], origin);
      assert.match(String(preflight.headers["access-control-allow-headers"]), /Authorization/);
      assert.is((await get(path, { ...asked, origin: "https://evil.example" }, "OPTIONS")).status, 403, path);
    }
    const refused = await get(events, { origin });
    assert.is(refused.status, 401);
    assert.is(refused.headers["access-control-allow-origin"], origin, "the page may read why");
    const served = await get(events, { origin, authorization: `Bearer ${TOKEN}` });
    assert.is(served.status, 200);
    assert.is(served.headers["access-control-allow-origin"], origin);
    assert.is((await get(`${events}&access_token=${TOKEN}`, { origin, "sec-fetch-site": "cross-site" })).status, 200);
    assert.is((await get(events, {}, "OPTIONS")).status, 401, "what no page asks is a request as any other");
  }),
);

test("a page cannot have its user subscribe, not even without seeing anything", async () => {
  await withTcp({ allowOrigins: [origin] }, async (get) => {
    for (const path of [...doors, reflection]) {
      for (const site of ["cross-site", "same-site"]) {
        assert.is((await get(path, { "sec-fetch-site": site, "sec-fetch-mode": "no-cors" })).status, 403, path);
      }
      assert.is((await get(path, { origin: "null", "sec-fetch-site": "cross-site" })).status, 403, path);
    }
    const allowed = [{ "sec-fetch-site": "none" }, { "sec-fetch-site": "same-origin" }, { origin }, {}];
    for (const headers of [...allowed, { origin, "sec-fetch-site": "cross-site" }]) {
      assert.is((await get(events, headers)).status, 200, JSON.stringify(headers));
    }
  });
});

test("a page whose name was made to mean this host gets nothing at any door", async () => {
  await withTcp({}, async (get) => {
    for (const path of [...doors, reflection]) {
      assert.is((await get(path, { host: "evil.example:8484" })).status, 403, path);
    }
  });
});

test(
  "all who do not say who they are count as one, so that others have room",
  inTemporaryDirectory(async (directory) => {
    const path = join(directory, "s.sock");
    const port = await freePort();
    const addresses = [`unix:${path}`, `127.0.0.1:${port}`];
    const limits = { subscriptions: 8, subscriptionsPerClient: 4 };
    await using service = new TelemetryService(new FakeSensor(), addresses, { limits });
    await service.serve();
    const get = () => ask({ socketPath: path, path: "/v0/events?select=exec", agent: false });
    const open = await Promise.all(Array.from({ length: 4 }, get));
    for (const { status } of open) assert.is(status, 200);
    assert.is((await get()).status, 429);
    const transport = createGrpcTransport({ baseUrl: `http://127.0.0.1:${port}` });
    await collect(subscribe(transport, [{ kind: "exec" }], { durationNanos: 1_000_000 }));
    for (const answer of open) answer.destroy();
  }),
);

test("what only this host can reach", () => {
  for (const host of ["localhost", "LOCALHOST", "127.0.0.1", "127.255.0.9", "::1", "0:0:0:0:0:0:0:1", "::1%lo"]) {
    assert.ok(isLoopback(host), host);
  }
  for (const host of ["::ffff:127.0.0.1", "::ffff:7f00:1"]) assert.ok(isLoopback(host), host);
  for (const host of ["", "0.0.0.0", "::", "128.0.0.1", "127.0.0.1.example", "::ffff:8.8.8.8", "localhost.example"]) {
    assert.not(isLoopback(host), host);
  }
});

type Get = (path: string, headers: OutgoingHttpHeaders, method?: string) => ReturnType<typeof ask>;

async function withTcp(options: TelemetryServiceOptions, body: (get: Get, port: number) => Promise<void>) {
  const port = await freePort();
  const faults: unknown[] = [];
  const told = { onFault: (error: unknown) => faults.push(error) };
  await using service = new TelemetryService(new FakeSensor(), `127.0.0.1:${port}`, { ...told, ...options });
  await service.serve();
  const get: Get = async (path, headers, method = "GET") => {
    const answer = await ask({ port, host: "127.0.0.1", path, headers, method, agent: false });
    answer.destroy();
    return answer;
  };
  await body(get, port);
  assert.equal(faults, []);
}

function withTokens(body: (get: Get) => Promise<void>) {
  return inTemporaryDirectory(async (directory) => {
    const tokenFile = join(directory, "tokens");
    writeFileSync(tokenFile, `ops ${TOKEN}\n`);
    await withTcp({ tokenFile, allowOrigins: [origin] }, body);
  });
}

test.run();
