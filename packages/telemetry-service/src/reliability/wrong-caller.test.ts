import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdir } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { requires } from "@kernscope/test-support";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { TelemetryService } from "../service.js";
import { times } from "../testing/full-counts.js";
import { FakeSensor, inTemporaryDirectory, until } from "../testing/index.js";

const RESTARTS = times(100, 1000);
const asRoot = requires({ root: true });
/** User and group that own nothing. */
const NOBODY = 65_534;

asRoot(
  `wrong caller: a user who may not connect does not, in a loop over ${RESTARTS} restarts`,
  inTemporaryDirectory(async (directory) => {
    // Everybody can reach the socket; its mode alone keeps them out.
    await chmod(directory, 0o755);
    const place = join(directory, "run");
    await mkdir(place);
    const path = join(place, "s.sock");
    // Started as root, since Node may lie where nobody else gets; then it gives its rights up.
    const loop = spawn(process.execPath, ["-e", connectLoop, path, `${NOBODY}`], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    let output = "";
    loop.stdout.on("data", (data) => {
      output += data;
    });
    await until(() => output.includes("ready"), "the loop runs");
    for (let i = 0; i < RESTARTS; i++) {
      const service = new TelemetryService(new FakeSensor(), `unix:${path}`);
      await service.serve();
      await service.stop();
    }
    // Its group may, so it was no accident that the loop did not.
    const shared = new TelemetryService(new FakeSensor(), `unix:${path}`, { socket: { group: NOBODY } });
    await shared.serve();
    await until(() => output.includes("connected"), "the group's member connects");
    await shared.stop();
    loop.stdin.end();
    await once(loop, "close");
    const [, refused = "0"] = /refused (\d+)/.exec(output) ?? [];
    assert.ok(Number(refused) > 0, output);
    assert.is(output.indexOf("connected"), output.lastIndexOf("connected"));
  }),
);

asRoot(
  "wrong caller: the socket's mode is the one that was asked for",
  inTemporaryDirectory(async (directory) => {
    const path = join(directory, "s.sock");
    const service = new TelemetryService(new FakeSensor(), `unix:${path}`, { socket: { mode: 0o600, group: NOBODY } });
    await service.serve();
    const { lstatSync } = await import("node:fs");
    const { mode, gid, uid } = lstatSync(path);
    assert.equal([mode & 0o777, gid, uid], [0o600, NOBODY, process.geteuid?.()]);
    const socket = connect(path);
    await once(socket, "connect");
    socket.destroy();
    await service.stop();
  }),
);

/** Connects again and again, to the path and to whatever lies in its directory; says when it got in, once. */
const connectLoop = `
  const [path, id] = process.argv.slice(1);
  const { connect } = require("node:net");
  const { readdirSync } = require("node:fs");
  const { dirname, join } = require("node:path");
  process.setgroups([]);
  process.setgid(Number(id));
  process.setuid(Number(id));
  let refused = 0;
  let inside = false;
  const attempt = (place) =>
    new Promise((resolve) => {
      const socket = connect(place);
      socket.on("connect", () => {
        if (!inside) console.log("connected to " + place + " after " + refused);
        inside = true;
        socket.destroy();
        resolve();
      });
      socket.on("error", ({ code }) => {
        if (code === "EACCES") refused++;
        resolve();
      });
    });
  const names = () => {
    try {
      return readdirSync(dirname(path)).flatMap((name) => [join(dirname(path), name), join(dirname(path), name, "s")]);
    } catch {
      return [];
    }
  };
  let over = false;
  process.stdin.resume().on("end", () => {
    over = true;
  });
  (async () => {
    console.log("ready");
    while (!over) {
      for (const place of [path, ...names()]) await attempt(place);
      await new Promise(setImmediate);
    }
    console.log("refused " + refused);
  })();`;

test.run();
