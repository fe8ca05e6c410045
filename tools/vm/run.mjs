import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { exitStatus, runInGuest } from "./guest.mjs";
import { catchInterruption } from "./interruption.mjs";
import { kernelLine, kernelLines } from "./kernels.mjs";
import { VmError } from "./vm-error.mjs";

const usage = `usage: node tools/vm/run.mjs --kernel ${kernelLines.map((line) => line.name).join("|")} [OPTION…] -- COMMAND [ARG…]

Runs COMMAND as root on a Debian kernel in a VM. The host's file system is there, and what is written to it is gone
afterwards. Several --kernel run one after the other, up to the first that fails.

  --timeout SECONDS  ends the guest after that time (600)
  --memory MIB       memory of the guest (2048)
  --cwd DIR          folder to run in (the current one)

Exit status: the command's own, 128 + N when signal N ended it, or
    2  the command line is wrong
  122  qemu or the kernel cannot be had
  123  the command passed, but the kernel's log has a warning or worse
  124  the time limit is over
  125  the guest died
`;

const interruption = catchInterruption();

/** @param {string} message */
const say = (message) => void process.stderr.write(`vm: ${message}\n`);

try {
  const options = parse(process.argv.slice(2));
  if (options === undefined) process.stdout.write(usage);
  else process.exitCode = await runAll(options);
} catch (error) {
  if (interruption.status() !== undefined) process.exitCode = interruption.status();
  else if (!(error instanceof VmError)) throw error;
  else {
    say(error.message);
    process.exitCode = error.code === "usage" ? exitStatus.usage : exitStatus.unavailable;
  }
}

/** @param {Exclude<ReturnType<typeof parse>, undefined>} options */
async function runAll({ kernels, ...options }) {
  for (const kernel of kernels) {
    if (kernels.length > 1) say(`linux ${kernel}`);
    const { stdout, stderr } = process;
    const status = await runInGuest({ ...options, kernel, stdout, stderr, say, signal: interruption.signal });
    if (status !== 0) return status;
  }
  return 0;
}

/** @param {string[]} args */
function parse(args) {
  const { values, positionals } = parseStrictly(args);
  if (values.help) return undefined;
  if (values.kernel === undefined) throw new VmError("usage", "--kernel: missing – see --help");
  for (const name of values.kernel) kernelLine(name);
  if (positionals.length === 0) throw new VmError("usage", "command: missing – give it after --");
  return {
    kernels: values.kernel,
    command: positionals,
    cwd: resolve(values.cwd ?? "."),
    timeout: number("--timeout", values.timeout ?? "600", 1, 86_400),
    memory: number("--memory", values.memory ?? "2048", 256, 65_536),
  };
}

/** @param {string[]} args */
function parseStrictly(args) {
  const end = args.indexOf("--");
  const [own, command] = end === -1 ? [args, []] : [args.slice(0, end), args.slice(end + 1)];
  try {
    const { values } = parseArgs({
      args: own,
      options: {
        kernel: { type: "string", multiple: true },
        timeout: { type: "string" },
        memory: { type: "string" },
        cwd: { type: "string" },
        help: { type: "boolean" },
      },
    });
    return { values, positionals: command };
  } catch (error) {
    throw new VmError("usage", `arguments: ${error instanceof Error ? error.message : error} – see --help`);
  }
}

/** @param {string} option @param {string} text @param {number} least @param {number} most */
function number(option, text, least, most) {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (value >= least && value <= most) return value;
  throw new VmError("usage", `${option}(${text}): not a whole number from ${least} to ${most} – see --help`);
}
