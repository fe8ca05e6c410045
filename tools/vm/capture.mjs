import { spawn } from "node:child_process";

/**
 * @typedef {object} CaptureOptions
 * @property {string} [cwd]
 * @property {NodeJS.ProcessEnv} [env]
 * @property {Uint8Array} [input] Given to the program as its standard input; by default it has none.
 * @property {AbortSignal | undefined} [signal] Ends the program.
 * @property {boolean} [detached] In a session of its own, out of reach of the terminal's Ctrl-C.
 */

/**
 * Runs a program to its end and returns what it wrote.
 *
 * @param {string} program
 * @param {readonly string[]} args
 * @param {CaptureOptions} [options]
 * @returns {Promise<{ status: number, stdout: Buffer, stderr: string }>} `status` is 127 when there is no such program,
 *   and 128 when a signal ended it.
 * @throws `AbortError` when `signal` fires.
 */
export async function capture(program, args, { cwd, env, input, signal, detached = false } = {}) {
  signal?.throwIfAborted();
  const child = spawn(program, args, { cwd, env, signal, detached, stdio: ["pipe", "pipe", "pipe"] });
  /** @type {Buffer[]} */
  const stdout = [];
  /** @type {Buffer[]} */
  const stderr = [];
  child.stdout.on("data", (chunk) => stdout.push(chunk));
  child.stderr.on("data", (chunk) => stderr.push(chunk));
  // A program that does not read all of its input closes the pipe early; its status tells whether that was right.
  child.stdin.on("error", () => {});
  child.stdin.end(input);
  const status = await new Promise((resolve, reject) => {
    child.on("error", (/** @type {NodeJS.ErrnoException} */ error) => {
      if (error.code === "ENOENT") resolve(127);
      // An aborted program is waited for: it may still be writing.
      else if (error.name !== "AbortError") reject(error);
    });
    child.on("close", (code) => resolve(code ?? 128));
  });
  signal?.throwIfAborted();
  return { status, stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr).toString() };
}
