import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Code, ConnectError } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { subscribe } from "./testing/get-events.js";
import { inTemporaryDirectory, until } from "./testing/index.js";

const real = fileURLToPath(new URL("main.js", import.meta.url));
const fake = fileURLToPath(new URL("testing/fake-program.js", import.meta.url));

test("help, version and check print and end", async () => {
  const help = await run(real, ["--help"]);
  assert.is(help.status, 0);
  for (const word of ["--listen", "--ring-size", "--log-level", "--check", "KERNSCOPE_LISTEN", "77"]) {
    assert.ok(help.stdout.includes(word), word);
  }
  assert.match((await run(real, ["--version"])).stdout, /^\d+\.\d+\.\d+\n$/);
  const check = await run(real, ["--check", "--listen", "unix:/a"], { KERNSCOPE_LOG_LEVEL: "debug" });
  assert.is(check.status, 0);
  const { listen, ringSize, logLevel } = JSON.parse(check.stdout);
  assert.equal([listen, ringSize, logLevel], [["unix:/a"], 2097152, "debug"]);
  const open = await run(real, ["--check", "--listen", "0.0.0.0:1", "--token-file", "/none"]);
  assert.is(open.status, 2);
  assert.is(open.stderr.trimEnd().split("\n").length, 2);
});

test("all mistakes at once, with status 2", async () => {
  const { status, stdout, stderr } = await run(real, ["--foo", "bar", "--listen", "x"], { KERNSCOPE_RING_SIZE: "7" });
  assert.is(status, 2);
  assert.is(stdout, "");
  const lines = stderr.trimEnd().split("\n");
  assert.is(lines.length, 4, stderr);
  for (const line of lines) assert.match(line, /^kernscope-sensor: .+ – .+/);
  assert.is((await run(real, ["--listen"])).status, 2);
});

test(
  "SIGTERM and SIGINT: what happened before is delivered, status 0, no socket left",
  inTemporaryDirectory(async (directory) => {
    for (const signal of ["SIGTERM", "SIGINT"] as const) {
      const path = join(directory, "s.sock");
      const program = start(fake, ["--listen", `unix:${path}`], { FAKE_EVENTS: "5000" });
      await until(() => existsSync(path), "it serves");
      const transport = createGrpcTransport({
        baseUrl: "http://localhost",
        nodeOptions: { createConnection: () => connect(path) },
      });
      const stream = subscribe(transport, [{ kind: "exec" }])[Symbol.asyncIterator]();
      await stream.next();
      program.child.kill(signal);
      let received = 0;
      const ended = (async () => {
        for await (const response of { [Symbol.asyncIterator]: () => stream }) received += response.events.length;
      })();
      const error = await ended.then(
        () => undefined,
        (reason) => ConnectError.from(reason),
      );
      assert.is(error?.code, Code.Unavailable, "it is told to come again");
      assert.is(received, 5000);
      const { status, stderr } = await program.ended;
      assert.is(status, 0, stderr);
      assert.equal(
        stderr
          .trimEnd()
          .split("\n")
          .map((line) => JSON.parse(line).msg),
        ["serving", "stopping"],
      );
      assert.equal(readdirSync(directory), []);
    }
  }),
);

test(
  "a sensor that fails ends the program with status 1 and no socket left",
  inTemporaryDirectory(async (directory) => {
    const path = join(directory, "s.sock");
    const program = start(fake, ["--listen", `unix:${path}`]);
    await until(() => existsSync(path), "it serves");
    program.child.kill("SIGUSR2");
    const { status, stderr } = await program.ended;
    assert.is(status, 1);
    assert.match(stderr, /the sensor failed/);
    assert.equal(readdirSync(directory), []);
  }),
);

test(
  "a sensor that cannot be opened: one paragraph, no stack trace, 77 for missing privileges, nothing left",
  inTemporaryDirectory(async (directory) => {
    for (const [code, expected] of [
      ["permission", 77],
      ["unsupported", 1],
      ["system", 1],
    ] as const) {
      const listen = ["--listen", `unix:${join(directory, "s.sock")}`];
      const { status, stderr } = await run(fake, listen, { FAKE_FAILURE: code });
      assert.is(status, expected, stderr);
      assert.match(stderr, /^kernscope-sensor: open\(sensor\): [^\n]+\n$/);
      if (code === "permission") assert.match(stderr, /run it as root, or grant it CAP_PERFMON/);
      assert.equal(readdirSync(directory), []);
    }
  }),
);

test(
  "a place to listen that is taken: one line, status 1",
  inTemporaryDirectory(async (directory) => {
    const path = join(directory, "s.sock");
    await writeFile(path, "precious");
    const { status, stderr } = await run(fake, ["--listen", `unix:${path}`]);
    assert.is(status, 1);
    assert.match(stderr, /^kernscope-sensor: listen\(unix:[^\n]+no socket – [^\n]+\n$/);
    assert.equal(readdirSync(directory), ["s.sock"]);
  }),
);

function start(program: string, args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const child = spawn(process.execPath, [program, ...args], { env: { ...process.env, ...env } });
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (data) => {
    stdout += data;
  });
  child.stderr.on("data", (data) => {
    stderr += data;
  });
  const ended = once(child, "close").then(([status]) => ({ status, stdout, stderr }));
  return { child, ended };
}

function run(program: string, args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  return start(program, args, env).ended;
}

test.run();
