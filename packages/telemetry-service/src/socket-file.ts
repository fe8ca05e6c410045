import { randomBytes } from "node:crypto";
import { chmod, chown, lstat, mkdir, rename, rm } from "node:fs/promises";
import { connect, type Server } from "node:net";
import { basename, dirname, join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { TelemetryServiceError } from "./errors.js";

/** Owner and group may connect: connect(2) asks for write permission. */
const SOCKET_MODE = 0o660;
/** Whatever the umask: those who may connect must be able to reach the socket. */
const DIRECTORY_MODE = 0o755;
/** Bytes of a path in `sockaddr_un`: unix(7). */
const LONGEST_PATH = 107;
/** Of a socket's name while it is made: paths of sockets are short. */
const NAME_BYTES = 3;
/** Milliseconds after which a workshop is one that a killed service left. Using it takes a few. */
const WORKSHOP_TIME = 5000;

/** Who may connect. */
export interface SocketFileOptions {
  /** Permissions, such as 0o660, which is the default. */
  readonly mode?: number;
  /** Id of the group that the file is given to. Default: that of the process. */
  readonly group?: number;
}

/** A socket's file that belongs to this process. */
export interface SocketFile {
  /** Removes the file, unless the path has another one by now. */
  remove(): Promise<void>;
}

/**
 * Lets `server` listen on a UNIX socket at `path`, whose directory is made if it is missing.
 *
 * The socket is made in a private directory beside it and gets its place when its mode is set, so that nobody can connect
 * before. It takes the place of a socket that nobody serves any more, and of nothing else.
 *
 * @throws TelemetryServiceError `in_use`, `permission`, `system`
 */
export async function listenOnSocketFile(
  server: Server,
  path: string,
  { mode = SOCKET_MODE, group }: SocketFileOptions = {},
): Promise<SocketFile> {
  let workshop: string | undefined;
  try {
    const isNew = await mkdir(dirname(path), { recursive: true });
    if (isNew !== undefined) await chmod(dirname(path), DIRECTORY_MODE);
    workshop = await makeWorkshop(dirname(path));
    // libuv removes this name when the server closes, whoever has it by then: another service may be starting here.
    const made = join(workshop, randomBytes(NAME_BYTES).toString("base64url"));
    if (Buffer.byteLength(made) > LONGEST_PATH) throw new Error("the path of its directory is too long for sockets");
    await assertFree(path);
    await listen(server, made);
    // The group first: while it has its own mode nobody but the owner may connect.
    if (group !== undefined) await chown(made, process.geteuid?.() ?? -1, group);
    await chmod(made, mode);
    const { dev, ino } = await lstat(made, { bigint: true });
    await rename(made, path);
    return {
      remove: async () => {
        const now = await lstat(path, { bigint: true }).catch(() => undefined);
        if (now?.dev === dev && now.ino === ino) await rm(path, { force: true });
      },
    };
  } catch (error) {
    server.close();
    throw toServiceError(error, path);
  } finally {
    if (workshop !== undefined) await rm(workshop, { recursive: true, force: true });
  }
}

/**
 * Makes the private directory. It has one name, so that of services which start at the same time one at a time looks
 * whether a path is free and takes it.
 */
async function makeWorkshop(parent: string): Promise<string> {
  const workshop = join(parent, ".kernscope");
  const started = Date.now();
  while (true) {
    try {
      await mkdir(workshop, { mode: 0o700 });
      return workshop;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
    const stats = await lstat(workshop).catch(() => undefined);
    if (Date.now() - Math.min(stats?.mtimeMs ?? started, started) > WORKSHOP_TIME) {
      await rm(workshop, { recursive: true, force: true });
    } else {
      await setTimeout(10);
    }
  }
}

/** Throws unless there is nothing at `path`, or a socket that nobody serves. */
async function assertFree(path: string): Promise<void> {
  const stats = await lstat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  if (stats === undefined) return;
  if (!stats.isSocket()) throw inUse(path, "there is a file that is no socket");
  if (await isServed(path)) throw inUse(path, "another service is listening there");
}

function isServed(path: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    socket.on("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "ECONNREFUSED" || error.code === "ENOENT") resolve(false);
      // The listener's backlog is full.
      else if (error.code === "EAGAIN") resolve(true);
      else reject(error);
    });
  });
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(path, () => {
      server.off("error", reject);
      resolve();
    });
  });
}

function inUse(path: string, cause: string): TelemetryServiceError {
  const remedy = "end the one there, or give another path with --listen unix:PATH";
  return new TelemetryServiceError("in_use", `listen(unix:${path}): ${cause} – ${remedy}`);
}

function toServiceError(error: unknown, path: string): TelemetryServiceError {
  if (error instanceof TelemetryServiceError) return error;
  const { code = "system", message } = error as NodeJS.ErrnoException;
  const options = { cause: error };
  const operation = `listen(unix:${path})`;
  if (code === "EACCES" || code === "EPERM" || code === "EROFS") {
    const remedy = `let this user write to ${dirname(path)}, or give another path with --listen unix:PATH`;
    return new TelemetryServiceError("permission", `${operation}: ${code} – ${remedy}`, options);
  }
  const remedy = `look at ${dirname(path)}, or give another path than ${basename(path)} there with --listen unix:PATH`;
  return new TelemetryServiceError("system", `${operation}: ${message} – ${remedy}`, options);
}
