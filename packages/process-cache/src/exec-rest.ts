import type { ExecStack } from "./exec-args.js";
import { parseCommandLine } from "./proc-text.js";
import type { ProcDirectory, Procfs } from "./procfs.js";
import { type Origin, originOf } from "./task.js";

/** Copies memory of another process (process_vm_readv(2)) and returns how many bytes it got; throws where it may not. */
export type MemoryReader = (pid: number, address: bigint, target: Uint8Array) => number;

/** The arguments of one execve(2), and where they come from. */
export interface ExecArguments {
  readonly argv: readonly string[];
  readonly truncated: boolean;
  readonly origin: Origin;
}

export interface ExecRestOptions {
  procfs: Procfs;
  readMemory: MemoryReader;
  /** Bytes of arguments at most. */
  limit: number;
}

/**
 * Takes the arguments of an exec from the dump of its stack and, where that does not hold all, fetches the rest from the
 * process: first from its memory, then from /proc/PID/cmdline. What is fetched counts only if the process still is in the
 * same execve(2) (its stack began at `stackPointer`, a random address), if there are as many arguments as that exec had, and
 * if those that the dump does hold are among them unchanged: a program can write over its arguments. What is missing then
 * is said to be missing.
 */
export function execArguments(
  stack: ExecStack,
  pid: number,
  stackPointer: bigint,
  options: ExecRestOptions,
): ExecArguments {
  const { argv, argc, start } = stack;
  if (stack.complete) return { argv, truncated: false, origin: originOf("tracepoint", true) };
  const known: ExecArguments = { argv, truncated: true, origin: originOf("tracepoint", false) };
  if (argc === undefined || argc === 0 || start === undefined) return known;
  return options.procfs.with(pid, (directory) => fetchRest(directory, stack, pid, `${stackPointer}`, options)) ?? known;
}

function fetchRest(
  directory: ProcDirectory,
  stack: ExecStack,
  pid: number,
  startStack: string,
  options: ExecRestOptions,
): ExecArguments | undefined {
  const before = directory.stat();
  if (before?.startStack !== startStack) return undefined;
  const end = stack.end ?? BigInt(before.argumentsEnd);
  const fromMemory = readStrings(stack.start ?? 0n, end, pid, options);
  const fromProc = fromMemory === undefined ? directory.commandLine(options.limit) : undefined;
  // Last, so that whatever was read before was read from this process and this program.
  if (directory.stat()?.startStack !== startStack) return undefined;
  const found = fromMemory ?? fromProc;
  if (found === undefined || !agrees(found, stack)) return undefined;
  const source = fromMemory === undefined ? "procfs" : "memory";
  return { ...found, origin: originOf(source, !found.truncated) };
}

function readStrings(start: bigint, end: bigint, pid: number, { readMemory, limit }: ExecRestOptions) {
  const whole = Number(end - start);
  if (!(whole > 0)) return undefined;
  const bytes = Buffer.allocUnsafe(Math.min(whole, limit));
  try {
    if (readMemory(pid, start, bytes) < bytes.length) return undefined;
  } catch {
    // Not allowed, or the process is gone: /proc may still serve.
    return undefined;
  }
  return { argv: parseCommandLine(bytes), truncated: bytes.length < whole };
}

/** Whether what was fetched has the number of arguments of the exec and begins with those that the dump holds. */
function agrees({ argv, truncated }: { argv: string[]; truncated: boolean }, stack: ExecStack): boolean {
  if (truncated ? argv.length > (stack.argc ?? 0) : argv.length !== stack.argc) return false;
  const last = stack.argv.length - 1;
  for (let index = 0; index <= last; index++) {
    const [found, held] = [argv[index], stack.argv[index] ?? ""];
    if (found === undefined) return truncated;
    // Either side may end within an argument, and within a character.
    const isCut = index === last || (truncated && index === argv.length - 1);
    if (isCut ? !startsAlike(found, held) : found !== held) return false;
  }
  return true;
}

function startsAlike(found: string, held: string): boolean {
  const length = Math.min(found.length, held.replace(/\ufffd+$/, "").length);
  return found.slice(0, length).replace(/\ufffd+$/, "") === held.slice(0, length).replace(/\ufffd+$/, "");
}
