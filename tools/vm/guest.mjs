import { stripVTControlCharacters } from "node:util";
import { guestScript } from "./guest-script.mjs";
import { getInitrd } from "./initrd.mjs";
import { getKernel } from "./kernel.mjs";
import { faultExcerpt, kernelFaults } from "./kernel-log.mjs";
import { kernelLine } from "./kernels.mjs";
import { installedProgram } from "./packages.mjs";
import { startQemu } from "./qemu.mjs";

/**
 * @typedef {object} GuestCommand
 * @property {string} kernel The name of a line in kernels.mjs.
 * @property {readonly string[]} command Program and arguments.
 * @property {string} cwd Absolute path; the same in the guest.
 * @property {number} memory MiB
 * @property {number} timeout Seconds from the guest's start to the command's end.
 * @property {import("node:stream").Writable} stdout Gets the command's standard output as it comes; is not ended.
 * @property {import("node:stream").Writable} stderr
 * @property {(message: string) => void} say Tells a person what goes on; one line, no line end.
 * @property {AbortSignal | undefined} [signal] Ends the preparations or the guest.
 */

/**
 * How the guest ended. `log` is its kernel log as of `dmesg -r`.
 *
 * @typedef {{ status: number, log: string, tainted: number } | "time-out" | "death"} Ending
 */

/** Exit statuses beyond the command's own. */
export const exitStatus = Object.freeze({
  usage: 2,
  unavailable: 122,
  kernelFault: 123,
  timeOut: 124,
  guestDeath: 125,
});

/**
 * Gets what a guest needs, from the cache, from the system, or from Debian.
 *
 * @param {string} kernel The name of a line in kernels.mjs.
 * @param {import("./packages.mjs").Caller} caller
 * @returns {Promise<{ qemu: string, vmlinux: string, initrd: string }>} Paths.
 * @throws {import("./vm-error.mjs").VmError} As `runInGuest`.
 */
export async function prepareGuest(kernel, caller) {
  const line = kernelLine(kernel);
  const qemu = await installedProgram("qemu-system-x86_64", "qemu-system-x86", caller);
  const found = await getKernel(line, caller);
  return { qemu, vmlinux: found.vmlinux, initrd: await getInitrd(found, caller) };
}

/**
 * Boots a kernel, runs one command in it as root and ends the guest.
 *
 * @param {GuestCommand} options
 * @returns {Promise<number>} The command's exit status, 128 + N when signal N ended it, or one of `exitStatus`.
 * @throws {import("./vm-error.mjs").VmError} `unavailable` when qemu or the kernel cannot be had, `usage` when the
 *   kernel is not known.
 * @throws `AbortError` when `signal` fires; the guest is gone by then.
 */
export async function runInGuest(options) {
  const prepared = await prepareGuest(options.kernel, options);
  options.signal?.throwIfAborted();
  const guest = startQemu({ ...prepared, memory: options.memory });
  try {
    return report(await ending(guest, options), guest.console, options);
  } finally {
    await guest.end();
  }
}

/**
 * @param {import("./qemu.mjs").Guest} guest
 * @param {GuestCommand} options
 * @returns {Promise<Ending>}
 */
async function ending(guest, options) {
  /** @type {(() => void)[]} */
  const cleanups = [];
  /** @type {Promise<Ending>} */
  const interruption = new Promise((resolve, reject) => {
    const timer = setTimeout(() => resolve("time-out"), options.timeout * 1000);
    cleanups.push(() => clearTimeout(timer));
    const { signal } = options;
    const abort = () => reject(signal?.reason);
    signal?.addEventListener("abort", abort, { once: true });
    cleanups.push(() => signal?.removeEventListener("abort", abort));
  });
  try {
    return await Promise.race([
      converse(guest, options),
      interruption,
      guest.ended.then(() => /** @type {const} */ ("death")),
    ]);
  } finally {
    for (const cleanup of cleanups) cleanup();
  }
}

/**
 * Has the guest run the command and waits until everything it sent is here. Never settles when the guest dies.
 *
 * @param {import("./qemu.mjs").Guest} guest
 * @param {GuestCommand} options
 * @returns {Promise<Ending>}
 */
async function converse(guest, options) {
  const script = Buffer.from(guestScript(options));
  guest.control.write(`${script.length}\n`);
  guest.control.write(script);
  guest.stdout.pipe(options.stdout, { end: false });
  guest.stderr.pipe(options.stderr, { end: false });
  /** @type {Buffer[]} */
  const log = [];
  guest.log.on("data", (chunk) => log.push(chunk));
  const arrivals = [guest.stdout, guest.stderr, guest.log].map(countArrivals);
  const line = await firstLine(guest.control);
  const fields = /^exit (\d+) (\d+) (\d+) (\d+) (\d+)$/.exec(line)?.slice(1).map(Number);
  if (fields === undefined) return "death";
  const [status = 0, ...sizes] = fields;
  await Promise.all(arrivals.map((arrived, i) => arrived(sizes[i] ?? 0)));
  return { status, tainted: sizes[3] ?? 0, log: Buffer.concat(log).toString() };
}

/**
 * @param {Ending} end
 * @param {() => string} console
 * @param {GuestCommand} options
 * @returns {number}
 */
function report(end, console, { kernel, timeout, say }) {
  if (end === "time-out" || end === "death") {
    say(end === "death" ? "the guest died" : `the time limit of ${timeout} s is over`);
    // The firmware moves the cursor about before the kernel speaks.
    const text = stripVTControlCharacters(console()).trim();
    for (const line of text === "" ? [] : text.split(/\r*\n/).slice(-100)) say(`console: ${line}`);
    return end === "death" ? exitStatus.guestDeath : exitStatus.timeOut;
  }
  const faults = kernelFaults(end.log, end.tainted);
  if (faults.length === 0) return end.status;
  for (const line of faultExcerpt(end.log)) say(`dmesg: ${line}`);
  for (const fault of faults) say(`kernel fault: ${fault}`);
  say(`the command exited ${end.status}, but the ${kernel} kernel's log is not clean`);
  return end.status === 0 ? exitStatus.kernelFault : end.status;
}

/**
 * Counts the bytes a stream gives.
 *
 * @param {import("node:stream").Readable} stream
 * @returns {(size: number) => Promise<void>} Waits until there have been `size` bytes.
 */
function countArrivals(stream) {
  let count = 0;
  stream.on("data", (chunk) => {
    count += chunk.length;
  });
  return (size) =>
    new Promise((resolve) => {
      const check = () => {
        if (count < size) return;
        stream.off("data", check);
        resolve();
      };
      stream.on("data", check);
      check();
    });
}

/** @param {import("node:stream").Readable} stream @returns {Promise<string>} */
function firstLine(stream) {
  return new Promise((resolve) => {
    let text = "";
    stream.on("data", (chunk) => {
      text += chunk;
      const end = text.indexOf("\n");
      if (end !== -1) resolve(text.slice(0, end));
    });
  });
}
