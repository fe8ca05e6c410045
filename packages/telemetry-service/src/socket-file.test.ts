import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, lstat, mkdir, readdir, readFile, symlink, utimes, writeFile } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { TelemetryServiceError, type TelemetryServiceErrorCode } from "./errors.js";
import { listenOnSocketFile } from "./socket-file.js";
import { inTemporaryDirectory } from "./testing/index.js";

test(
  "the socket is for owner and group, in a directory that was made, with nothing beside it",
  inTemporaryDirectory(async (directory) => {
    const path = join(directory, "a", "b", "s.sock");
    const server = createServer();
    const file = await listenOnSocketFile(server, path);
    assert.is((await lstat(path)).mode & 0o7777, 0o660);
    assert.is((await lstat(join(directory, "a"))).mode & 0o022, 0, "others may write to the directory");
    assert.equal(await readdir(join(directory, "a", "b")), ["s.sock"]);
    await canConnect(path);
    await file.remove();
    server.close();
    assert.equal(await readdir(join(directory, "a", "b")), []);
  }),
);

test(
  "the socket of a dead service is replaced",
  inTemporaryDirectory(async (directory) => {
    const path = join(directory, "s.sock");
    await leaveSocket(path);
    const server = createServer();
    const file = await listenOnSocketFile(server, path);
    await canConnect(path);
    await file.remove();
    server.close();
    assert.equal(await readdir(directory), []);
  }),
);

test(
  "a socket that is served stays as it is",
  inTemporaryDirectory(async (directory) => {
    const path = join(directory, "s.sock");
    const first = createServer();
    const file = await listenOnSocketFile(first, path);
    await refused(path, "in_use", /another service is listening there/);
    await canConnect(path);
    assert.equal(await readdir(directory), ["s.sock"]);
    await file.remove();
    first.close();
  }),
);

test(
  "what is no socket stays as it is: a file, a directory, a link to a socket",
  inTemporaryDirectory(async (directory) => {
    const socket = join(directory, "socket");
    await leaveSocket(socket);
    await writeFile(join(directory, "file"), "precious");
    await mkdir(join(directory, "directory"));
    await symlink(socket, join(directory, "link"));
    for (const name of ["file", "directory", "link"]) {
      await refused(join(directory, name), "in_use", /there is a file that is no socket/);
    }
    assert.is(await readFile(join(directory, "file"), "utf8"), "precious");
    assert.ok((await lstat(join(directory, "link"))).isSymbolicLink());
    assert.equal((await readdir(directory)).sort(), ["directory", "file", "link", "socket"]);
  }),
);

test(
  "a socket that another service put there meanwhile is not removed",
  inTemporaryDirectory(async (directory) => {
    const path = join(directory, "s.sock");
    const first = createServer();
    const firstFile = await listenOnSocketFile(first, path);
    first.close();
    const second = createServer();
    const secondFile = await listenOnSocketFile(second, path);
    await firstFile.remove();
    await canConnect(path);
    await secondFile.remove();
    second.close();
  }),
);

test(
  "of services that start at the same time over a dead one's socket, one gets it",
  inTemporaryDirectory(async (directory) => {
    for (let round = 0; round < 8; round++) {
      const path = join(directory, `s${round}`);
      await leaveSocket(path);
      const servers = Array.from({ length: 6 }, () => createServer());
      const results = await Promise.allSettled(servers.map((server) => listenOnSocketFile(server, path)));
      const won = results.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
      assert.is(won.length, 1, `${won.length} of 6 got it in round ${round}`);
      for (const result of results) {
        if (result.status === "rejected") assert.is(result.reason.code, "in_use", String(result.reason));
      }
      await canConnect(path);
      await won[0]?.remove();
      for (const server of servers) server.close();
    }
    assert.equal(await readdir(directory), []);
  }),
);

test(
  "no service is made under a name that another one was made under: closing removes that name",
  inTemporaryDirectory(async (directory) => {
    const servers = Array.from({ length: 8 }, () => createServer());
    const files = await Promise.all(
      servers.map((server, index) => listenOnSocketFile(server, join(directory, `s${index}`))),
    );
    assert.is(new Set(servers.map((server) => server.address())).size, servers.length);
    for (const file of files) await file.remove();
    for (const server of servers) server.close();
  }),
);

test(
  "what a killed service left of its start is cleared away",
  inTemporaryDirectory(async (directory) => {
    await mkdir(join(directory, ".kernscope"));
    await leaveSocket(join(directory, ".kernscope", "s"));
    await utimes(join(directory, ".kernscope"), 0, 0);
    const server = createServer();
    const file = await listenOnSocketFile(server, join(directory, "s.sock"));
    assert.equal(await readdir(directory), ["s.sock"]);
    await file.remove();
    server.close();
  }),
);

test(
  "a place where nothing can be made is told with a remedy",
  inTemporaryDirectory(async (directory) => {
    await writeFile(join(directory, "file"), "");
    await refused(join(directory, "file", "s.sock"), "system", /ENOTDIR|EEXIST/);
    if (process.geteuid?.() === 0) return;
    await chmod(directory, 0o500);
    await refused(join(directory, "s.sock"), "permission", /EACCES/);
    await chmod(directory, 0o700);
  }),
);

async function refused(path: string, code: TelemetryServiceErrorCode, message: RegExp): Promise<void> {
  const server = createServer();
  try {
    await listenOnSocketFile(server, path);
  } catch (error) {
    assert.instance(error, TelemetryServiceError);
    assert.is((error as TelemetryServiceError).code, code);
    assert.match((error as TelemetryServiceError).message, message);
    assert.match((error as TelemetryServiceError).message, /^listen\(unix:.+\): .+ – .+ --listen unix:PATH$/);
    assert.not(server.listening);
    return;
  }
  assert.unreachable(`listens at ${path}`);
}

async function canConnect(path: string): Promise<void> {
  const socket = connect(path);
  await once(socket, "connect");
  socket.destroy();
}

/** Leaves a socket as a process does that is killed. */
async function leaveSocket(path: string): Promise<void> {
  const script = `require("net").createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, "SIGKILL"))`;
  await once(spawn(process.execPath, ["-e", script]), "exit");
  assert.ok((await lstat(path)).isSocket());
}

test.run();
