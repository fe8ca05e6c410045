import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { connect as connectTls } from "node:tls";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { requires } from "@kernscope/test-support";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { TelemetryService } from "./service.js";
import { makeCertificates } from "./testing/certificates.js";
import { freePort } from "./testing/free-port.js";
import { collect, subscribe } from "./testing/get-events.js";
import { ask } from "./testing/http-client.js";
import { FakeSensor, inTemporaryDirectory, until } from "./testing/index.js";

const TOKEN = "0123456789abcdef-token";
const withOpenssl = requires({ programs: ["/usr/bin/openssl"] });

test(
  "whoever takes all connections of an address keeps nobody from another one",
  inTemporaryDirectory(async (directory) => {
    const port = await freePort();
    const path = join(directory, "s.sock");
    const addresses = [`127.0.0.1:${port}`, `unix:${path}`];
    await using service = new TelemetryService(new FakeSensor(), addresses, { limits: { connections: 8 } });
    await service.serve();
    const tcp = { port, host: "127.0.0.1" };
    const streams = await Promise.all(
      Array.from({ length: 4 }, () => ask({ ...tcp, path: "/v0/events?select=exec", agent: false })),
    );
    const status = async (place: object) => {
      const answer = await ask({ ...place, path: "/healthz", agent: false }).catch(() => undefined);
      answer?.destroy();
      return answer?.status;
    };
    for (let i = 0; i < 3; i++) {
      assert.is(await status(tcp), undefined, "there is no room left");
      assert.is(await status({ socketPath: path }), 200);
    }
    assert.is(service.streams, 4, "those that are served are left alone");
    streams[0]?.destroy();
    await until(async () => (await status(tcp)) === 200, "there is room again");
    for (const stream of streams) stream.destroy();
  }),
);

withOpenssl(
  "those who hold connections and do not say who they are keep nobody out who does",
  inTemporaryDirectory(async (directory) => {
    const { ca, cert, key } = makeCertificates(directory, "ours", ["server"]);
    const tokenFile = join(directory, "tokens");
    writeFileSync(tokenFile, `ops ${TOKEN}\n`);
    const port = await freePort();
    const options = { tls: { cert: cert("server"), key: key("server") }, tokenFile, limits: { connections: 4 } };
    await using service = new TelemetryService(new FakeSensor(), `127.0.0.1:${port}`, options);
    await service.serve();
    const trusted = { ca: readFileSync(ca) };
    const baseUrl = `https://localhost:${port}`;
    const transport = createGrpcTransport({ baseUrl, nodeOptions: trusted });
    const headers = { authorization: `Bearer ${TOKEN}` };
    const served = subscribe(transport, [{ kind: "exec" }], {}, { headers })[Symbol.asyncIterator]();
    await served.next();
    // Some exchange keys and begin to speak, some do not.
    const secure = Array.from({ length: 8 }, () => connectTls({ port, host: "localhost", ...trusted }));
    const plain = Array.from({ length: 8 }, () => connect(port, "127.0.0.1"));
    for (const socket of secure) socket.on("secureConnect", () => socket.write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"));
    for (const socket of [...secure, ...plain]) socket.on("error", () => {});
    await Promise.all(plain.map((socket) => once(socket, "connect")));
    const brief = { durationNanos: 1_000_000 };
    for (let i = 0; i < 3; i++) {
      const own = createGrpcTransport({ baseUrl, nodeOptions: trusted });
      await collect(subscribe(own, [{ kind: "exec" }], brief, { headers }));
    }
    assert.is(service.streams, 1, "who is served is left alone");
    for (const socket of [...secure, ...plain]) socket.destroy();
  }),
);

test("a limit that is out of range", () => {
  try {
    new TelemetryService(new FakeSensor(), [], {
      limits: { requestBytes: 2 ** 32, progressTime: 2 ** 31, filters: 1.5 },
    });
  } catch (error) {
    const { code, message } = error as Error & { code?: string };
    assert.is(code, "invalid");
    assert.match(message, /requestBytes=4294967296 is out of range – .*filters=1\.5 .*progressTime=2147483648 /);
    return;
  }
  assert.unreachable();
});

test.run();
