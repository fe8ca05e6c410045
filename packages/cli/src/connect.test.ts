import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { TelemetryService, type TelemetryServiceOptions } from "@kernscope/telemetry-service";
import {
  execEvent,
  FakeSensor,
  freePort,
  inTemporaryDirectory,
  makeCertificates,
  until,
} from "@kernscope/telemetry-service/testing";
import { requires } from "@kernscope/test-support";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { fails, start } from "./program.test.support.js";

const withOpenssl = requires({ programs: ["/usr/bin/openssl"] });
const TOKEN = "0123456789abcdef-token";

withOpenssl(
  "a service by TLS: with a token, or with a certificate, and with neither not",
  inTemporaryDirectory(async (directory) => {
    const { ours, tls, tokenFile } = prepare(directory);
    const theirs = makeCertificates(directory, "theirs", ["stranger"]);
    await withTcp({ tls, tokenFile }, async ({ sensor, port }) => {
      const address = `https://localhost:${port}`;
      const trusting = ["--tls-ca", ours.ca];
      const certificate = ["--tls-cert", ours.cert("client"), "--tls-key", ours.key("client")];
      await served(sensor, [address, ...trusting, "--token-file", tokenFile]);
      await served(sensor, [address, ...trusting, ...certificate]);
      await served(sensor, [`localhost:${port}`, ...trusting, ...certificate]);
      await refused([address, ...trusting], 1, /refuses .*a bearer token is missing – give --token-file/);
      const untrusted = /^kernscope: cannot connect to https:.*no authority that is trusted – .* --tls-ca$/;
      await refused([address, "--token-file", tokenFile], 1, untrusted);
      await refused([address, "--tls-ca", theirs.ca, "--token-file", tokenFile], 1, untrusted);
      await refused([`127.0.0.1:${port}`], 1, /no telemetry service/);
    });
  }),
);

withOpenssl(
  "a service that takes certificates only, and one that does not speak TLS",
  inTemporaryDirectory(async (directory) => {
    const { ours, tls, tokenFile } = prepare(directory);
    await withTcp({ tls }, async ({ sensor, port }) => {
      const address = `https://127.0.0.1:${port}`;
      const certificate = ["--tls-cert", ours.cert("client"), "--tls-key", ours.key("client")];
      await served(sensor, [address, "--tls-ca", ours.ca, ...certificate]);
      await refused([address, "--tls-ca", ours.ca], 1, /takes only certificates that it trusts – give --tls-cert/);
    });
    await withTcp({ tokenFile }, async ({ sensor, port }) => {
      await served(sensor, [`127.0.0.1:${port}`, "--token-file", tokenFile]);
      await refused([`127.0.0.1:${port}`], 1, /give --token-file/);
      await refused([`https://127.0.0.1:${port}`], 1, /does not speak TLS – give HOST:PORT/);
    });
  }),
);

withOpenssl(
  "files that cannot be used, and places where they would do harm or nothing",
  inTemporaryDirectory(async (directory) => {
    const { ours, tokenFile } = prepare(directory);
    const [cert, key] = [ours.cert("client"), ours.key("client")];
    const tokens = join(directory, "tokens");
    writeFileSync(tokens, `a ${TOKEN}\nb ${TOKEN}\n`);
    const address = "https://localhost:1";
    await refused([address, "--tls-ca", join(directory, "none")], 2, /--tls-ca: ENOENT.* – give a file/);
    await refused([address, "--tls-ca", key], 2, /--tls-ca: .* – give files/);
    await refused([address, "--tls-cert", cert], 2, /one is given without the other/);
    await refused(
      [address, "--tls-cert", cert, "--tls-key", ours.key("server")],
      2,
      /--tls-cert, --tls-key: .*mismatch/,
    );
    await refused([address, "--token-file", tokens], 2, /it is no token/);
    await refused(["192.0.2.1:1", "--token-file", tokenFile], 2, /in the clear – give https:/);
    await refused(["unix:/a", "--tls-ca", ours.ca], 2, /a UNIX socket is not encrypted/);
    await refused(["https://localhost"], 2, /no address/);
  }),
);

function prepare(directory: string) {
  const ours = makeCertificates(directory, "ours", ["server", "client"]);
  const tokenFile = join(directory, "token");
  writeFileSync(tokenFile, `# mine\nops ${TOKEN}\n`);
  return { ours, tokenFile, tls: { cert: ours.cert("server"), key: ours.key("server"), clientCa: ours.ca } };
}

async function withTcp(
  options: TelemetryServiceOptions,
  body: (served: { sensor: FakeSensor; port: number }) => Promise<void>,
): Promise<void> {
  const port = await freePort();
  const sensor = new FakeSensor();
  await using service = new TelemetryService(sensor, `127.0.0.1:${port}`, options);
  await service.serve();
  await body({ sensor, port });
}

async function served(sensor: FakeSensor, [address = "", ...more]: string[]): Promise<void> {
  const cli = start(["events", "exec", "--limit", "1", "--address", address, ...more]);
  await until(() => sensor.subscriptions.size === 1, "it has subscribed");
  sensor.emit(execEvent(1, ["/bin/true"]));
  const { status, stdout, stderr } = await cli.ended;
  assert.is(status, 0, stderr);
  assert.match(stdout, /\/bin\/true/);
}

function refused([address = "", ...more]: string[], status: number, message: RegExp): Promise<void> {
  return fails(["events", "exec", "--address", address, ...more], status, message);
}

test.run();
