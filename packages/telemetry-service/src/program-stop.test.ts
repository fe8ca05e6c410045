import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { inTemporaryDirectory, until } from "./testing/index.js";

const program = fileURLToPath(new URL("testing/fake-program.js", import.meta.url));
/** Longer than the program once waited at the most. */
const STOP_TIME = 11_000;

test(
  "a client that takes nothing has the time that stopTime gives it, after which the program ends well",
  inTemporaryDirectory(async (directory) => {
    const path = join(directory, "s.sock");
    const limits = ["--limit", `stopTime=${STOP_TIME}`, "--limit", "progressTime=60000"];
    const args = [program, "--listen", `unix:${path}`, ...limits];
    const env = { ...process.env, FAKE_EVENTS: "20000" };
    const child = spawn(process.execPath, args, { env, stdio: ["ignore", "ignore", "pipe"] });
    let log = "";
    child.stderr.on("data", (data) => {
      log += data;
    });
    const ended = once(child, "close");
    await until(() => existsSync(path), "it serves");
    const client = connect(path);
    client.on("error", () => {});
    client.write("GET /v0/events?select=exec HTTP/1.1\r\nHost: a\r\n\r\n");
    await once(client, "data");
    client.pause();
    child.kill("SIGTERM");
    const [status] = await ended;
    assert.is(status, 0, log);
    client.destroy();
  }),
);

test.run();
