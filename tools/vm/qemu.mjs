import { spawn } from "node:child_process";
import { once } from "node:events";

/**
 * @typedef {object} Machine
 * @property {string} qemu Path of `qemu-system-x86_64`.
 * @property {string} vmlinux
 * @property {string} initrd
 * @property {number} memory MiB
 */

/**
 * A running guest. Its ports speak as guest-session.sh tells.
 *
 * @typedef {object} Guest
 * @property {import("node:stream").Duplex} control
 * @property {import("node:stream").Readable} stdout
 * @property {import("node:stream").Readable} stderr
 * @property {import("node:stream").Readable} log
 * @property {() => string} console The last 64 KiB of what the guest's kernel and qemu itself have said.
 * @property {Promise<void>} ended When qemu is gone and all of its output has been read.
 * @property {() => Promise<void>} end Ends the guest at once and waits for that. More calls do no harm.
 */

/**
 * Starts a guest, its disk the host's file system, read-only. The guest does not outlive this process, however that ends.
 *
 * @param {Machine} machine
 * @returns {Guest}
 */
export function startQemu({ qemu, vmlinux, initrd, memory }) {
  const ports = ["control", "stdout", "stderr", "log"];
  const args = [
    // One thread for both CPUs: with one each, a CPU can run on in code that the other one has just patched (jump labels,
    // int3), which no real CPU does; the guest then dies of it now and then. It is faster, too.
    ["-accel", "tcg,thread=single", "-cpu", "max", "-M", "q35", "-smp", "2", "-m", `${memory}M`],
    ["-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"],
    ["-kernel", vmlinux, "-initrd", initrd, "-append", kernelCommandLine],
    ["-fsdev", "local,id=host,path=/,security_model=none,readonly=on,multidevs=remap"],
    ["-device", "virtio-9p-pci,fsdev=host,mount_tag=host"],
    ["-chardev", "socket,id=console,fd=3", "-serial", "chardev:console"],
    ["-device", "virtio-serial-pci"],
    ...ports.map((name, i) => [
      ...["-chardev", `socket,id=${name},fd=${i + 4}`],
      ...["-device", `virtserialport,chardev=${name},name=${name},nr=${i + 1}`],
    ]),
  ].flat();
  // The kernel sends qemu a SIGKILL when this process dies without ending it (prctl(2), PR_SET_PDEATHSIG).
  const child = spawn("setpriv", ["--pdeathsig", "KILL", "--", qemu, ...args], {
    stdio: ["ignore", "pipe", "pipe", "pipe", ...ports.map(() => /** @type {const} */ ("pipe"))],
  });
  const streams = /** @type {import("node:net").Socket[]} */ (/** @type {unknown} */ (child.stdio));
  const [, out, err, serial, control, stdout, stderr, log] = streams;
  if (!out || !err || !serial || !control || !stdout || !stderr || !log) throw new TypeError("spawn gave no pipes");
  let tail = Buffer.alloc(0);
  for (const stream of [out, err, serial]) {
    stream.on("data", (chunk) => {
      tail = Buffer.concat([tail, chunk]).subarray(-65_536);
    });
  }
  // A reset is how a socket tells that qemu went away with unread input; `ended` tells it better.
  for (const stream of streams) stream?.on("error", () => {});
  child.on("error", (error) => {
    tail = Buffer.from(`${error.message}\n`);
  });
  const ended = once(child, "close").then(
    () => {},
    () => {},
  );
  return {
    control,
    stdout,
    stderr,
    log,
    console: () => tail.toString(),
    ended,
    async end() {
      child.kill("SIGKILL");
      // A port that nobody reads would keep the child open for ever.
      for (const stream of [control, stdout, stderr, log]) stream.destroy();
      await ended;
    },
  };
}

const kernelCommandLine = [
  "console=ttyS0 quiet panic=-1",
  "nokaslr mitigations=off tsc=reliable no_timer_check",
  // Keeps all of a long run's log: whether it is whole is checked at the end.
  "log_buf_len=4M",
].join(" ");
