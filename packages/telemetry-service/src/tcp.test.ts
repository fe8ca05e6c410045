import { copyFileSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { connect as connectTls, type PeerCertificate } from "node:tls";
import { Code, ConnectError } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport } from "@connectrpc/connect-node";
import { requires } from "@kernscope/test-support";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { TelemetryService, type TelemetryServiceOptions } from "./service.js";
import { makeCertificates } from "./testing/certificates.js";
import { freePort } from "./testing/free-port.js";
import { collect, subscribe } from "./testing/get-events.js";
import { ask } from "./testing/http-client.js";
import { FakeSensor, inTemporaryDirectory, until } from "./testing/index.js";

const withOpenssl = requires({ programs: ["/usr/bin/openssl"] });
const brief = { durationNanos: 1_000_000 };
const TOKEN = "0123456789abcdef-token";

test(
  "beyond loopback nothing is served in the clear, nor to everybody",
  inTemporaryDirectory(async (directory) => {
    const port = await freePort();
    const file = join(directory, "f");
    writeFileSync(file, `ops ${TOKEN}\n`);
    for (const host of ["0.0.0.0", "", "[::]", "192.0.2.1", "example.com", "127.0.0.1.example.com", "0"]) {
      for (const options of [{}, { tokenFile: file }, { tls: { cert: file, key: file } }]) {
        await rejects("invalid", new TelemetryService(new FakeSensor(), `${host}:${port}`, options).serve());
      }
    }
  }),
);

test("loopback: plain, by every name that it has, to no page by another name", async () => {
  await withTcp({}, async (port) => {
    for (const name of ["localhost", "127.0.0.1", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::1]", "LOCALHOST"]) {
      const answer = await ask({
        port,
        host: "127.0.0.1",
        path: "/v0/events?select=exec&seconds=1",
        headers: { host: `${name}:${port}` },
      });
      assert.is(answer.status, 200, name);
      answer.destroy();
    }
    for (const host of ["evil.example", `evil.example:${port}`, "localhost.evil.example", "127.0.0.1.evil.example"]) {
      const answer = await ask({ port, host: "127.0.0.1", path: "/v0/events?select=exec", headers: { host } });
      assert.is(answer.status, 403, host);
    }
    await collect(subscribe(createGrpcTransport({ baseUrl: `http://127.0.0.1:${port}` }), [{ kind: "exec" }], brief));
  });
});

test(
  "a token is asked for, and only of the telemetry",
  inTemporaryDirectory(async (directory) => {
    const tokenFile = join(directory, "tokens");
    writeFileSync(tokenFile, `# who may\n\nops ${TOKEN}\n`);
    await withTcp({ tokenFile }, async (port) => {
      const get = (headers: Record<string, string>, query = "") =>
        ask({ port, host: "127.0.0.1", path: `/v0/events?select=exec&seconds=1${query}`, headers });
      for (const authorization of [
        "",
        "Bearer",
        "Bearer x",
        `Basic ${TOKEN}`,
        `Bearer ${TOKEN}x`,
        `Bearer ops ${TOKEN}`,
      ]) {
        assert.is((await get({ authorization })).status, 401, authorization);
      }
      assert.is((await get({})).status, 401);
      assert.is((await get({ authorization: `Bearer ${TOKEN}` })).status, 200);
      assert.is((await get({}, `&access_token=${TOKEN}`)).status, 200);
      assert.is((await ask({ port, host: "127.0.0.1", path: "/healthz" })).status, 200);
      assert.is((await ask({ port, host: "127.0.0.1", path: "/metrics" })).status, 401);
      const baseUrl = `http://127.0.0.1:${port}`;
      for (const transport of [
        createGrpcTransport({ baseUrl }),
        createConnectTransport({ baseUrl, httpVersion: "1.1" }),
      ]) {
        const refused = await collect(subscribe(transport, [{ kind: "exec" }])).catch((error) => error);
        assert.instance(refused, ConnectError);
        assert.is(refused.code, Code.Unauthenticated);
        const headers = { authorization: `Bearer ${TOKEN}` };
        await collect(subscribe(transport, [{ kind: "exec" }], brief, { headers }));
      }
      // A new file counts at once; a broken one does not.
      const other = "fedcba9876543210-other";
      writeFileSync(`${tokenFile}.new`, `dev ${other}\n`);
      renameSync(`${tokenFile}.new`, tokenFile);
      await until(async () => (await get({ authorization: `Bearer ${other}` })).status === 200, "the new token counts");
      assert.is((await get({ authorization: `Bearer ${TOKEN}` })).status, 401);
    });
  }),
);

withOpenssl(
  "TLS: clients with a certificate of the authority and no others; new certificates are used without a restart",
  inTemporaryDirectory(async (directory) => {
    const ours = makeCertificates(directory, "ours", ["server", "client", "server2"]);
    const theirs = makeCertificates(directory, "theirs", ["stranger"]);
    const tls = {
      cert: join(directory, "in-use.crt"),
      key: join(directory, "in-use.key"),
      clientCa: join(directory, "in-use-ca.crt"),
    };
    copyFileSync(ours.ca, tls.clientCa);
    const use = (name: string) => {
      copyFileSync(ours.key(name), tls.key);
      copyFileSync(ours.cert(name), tls.cert);
    };
    use("server");
    const faults: unknown[] = [];
    await withTcp({ tls, onFault: (error) => faults.push(error) }, async (port) => {
      const nodeOptions = (name?: string, files = ours) => ({
        ca: readFileSync(ours.ca),
        ...(name && { cert: readFileSync(files.cert(name)), key: readFileSync(files.key(name)) }),
      });
      const grpc = (options: object) =>
        createGrpcTransport({ baseUrl: `https://localhost:${port}`, nodeOptions: options });
      await collect(subscribe(grpc(nodeOptions("client")), [{ kind: "exec" }], brief));
      const http1 = createConnectTransport({
        baseUrl: `https://localhost:${port}`,
        httpVersion: "1.1",
        nodeOptions: nodeOptions("client"),
      });
      await collect(subscribe(http1, [{ kind: "exec" }], brief));
      for (const options of [nodeOptions(), nodeOptions("stranger", theirs)]) {
        const error = await collect(subscribe(grpc(options), [{ kind: "exec" }], brief)).catch((reason) => reason);
        assert.instance(error, ConnectError);
      }
      const plain = await ask({ port, host: "127.0.0.1", path: "/healthz" }).catch((error) => error);
      assert.instance(plain, Error, "nothing is said in the clear");

      const shown = () =>
        new Promise<PeerCertificate>((resolve, reject) => {
          const socket = connectTls({ port, host: "localhost", ...nodeOptions("client") }, () => {
            resolve(socket.getPeerCertificate());
            socket.destroy();
          });
          socket.on("error", reject);
        });
      assert.is((await shown()).subject.CN, "server");
      use("server2");
      await until(async () => (await shown()).subject.CN === "server2", "the new certificate is shown");
      writeFileSync(tls.cert, "broken");
      await until(() => faults.length > 0, "the owner is told of what cannot be used");
      assert.is((await shown()).subject.CN, "server2");
      use("server2");
      // Node passes over what it cannot read of authorities, after which no client could connect.
      const authorities = readFileSync(ours.ca);
      writeFileSync(tls.clientCa, authorities.subarray(0, authorities.length / 2));
      const isTold = () => faults.some((fault) => /clientCa: certificate 1 is cut off/.test(String(fault)));
      await until(isTold, "the owner is told of broken authorities");
      assert.is((await shown()).subject.CN, "server2");
      await collect(subscribe(grpc(nodeOptions("client")), [{ kind: "exec" }], brief));
    });
  }),
);

withOpenssl(
  "TLS: where both are configured, a certificate or a token will do",
  inTemporaryDirectory(async (directory) => {
    const ours = makeCertificates(directory, "ours", ["server", "client"]);
    const tokenFile = join(directory, "tokens");
    writeFileSync(tokenFile, `ops ${TOKEN}\n`);
    const tls = { cert: ours.cert("server"), key: ours.key("server"), clientCa: ours.ca };
    await withTcp({ tls, tokenFile }, async (port) => {
      const baseUrl = `https://localhost:${port}`;
      const ca = readFileSync(ours.ca);
      const headers = { authorization: `Bearer ${TOKEN}` };
      const bare = createGrpcTransport({ baseUrl, nodeOptions: { ca } });
      await collect(subscribe(bare, [{ kind: "exec" }], brief, { headers }));
      const refused = await collect(subscribe(bare, [{ kind: "exec" }])).catch((error) => error);
      assert.is(refused.code, Code.Unauthenticated);
      const own = { cert: readFileSync(ours.cert("client")), key: readFileSync(ours.key("client")) };
      await collect(
        subscribe(createGrpcTransport({ baseUrl, nodeOptions: { ca, ...own } }), [{ kind: "exec" }], brief),
      );
    });
  }),
);

withOpenssl(
  "files that cannot be used are told at the start",
  inTemporaryDirectory(async (directory) => {
    const port = await freePort();
    const ours = makeCertificates(directory, "ours", ["server", "other"]);
    const wrong: [TelemetryServiceOptions, RegExp][] = [
      [
        { tls: { cert: ours.cert("server"), key: ours.key("other") } },
        /key: it is not that of the certificate – look at the files/,
      ],
      [{ tls: { cert: join(directory, "none"), key: ours.key("other") } }, /ENOENT/],
      [
        { tls: { cert: ours.cert("server"), key: ours.key("server"), clientCa: ours.key("server") } },
        /clientCa: there is no certificate in PEM/,
      ],
      [{ tokenFile: join(directory, "none") }, /ENOENT/],
      [{ tokenFile: join(directory, "ext.cnf") }, /line 1 is no OWNER TOKEN/],
    ];
    for (const [options, message] of wrong) {
      const error = await rejects(
        "invalid",
        new TelemetryService(new FakeSensor(), `127.0.0.1:${port}`, options).serve(),
      );
      assert.match(error.message, message);
    }
  }),
);

test("a port that is taken", async () => {
  await withTcp({}, async (port) => {
    await rejects("in_use", new TelemetryService(new FakeSensor(), `127.0.0.1:${port}`).serve());
  });
});

async function withTcp(options: TelemetryServiceOptions, body: (port: number) => Promise<void>): Promise<void> {
  const port = await freePort();
  await using service = new TelemetryService(new FakeSensor(), `127.0.0.1:${port}`, options);
  await service.serve();
  await body(port);
}

async function rejects(code: string, promise: Promise<void>): Promise<Error> {
  const error = await promise.then(
    () => undefined,
    (reason) => reason,
  );
  assert.is(error?.code, code, String(error));
  return error;
}

test.run();
