import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { join } from "node:path";
import { ElfFile } from "./elf-file.js";
import { chooseElfSymbol, type ElfSymbol, findElfSymbols } from "./elf-symbols.js";
import { toPerfError } from "./errno.js";
import { PerfError } from "./errors.js";
import type { ProbeOptions } from "./probe.js";
import type { ProbeRequest } from "./probe-registry.js";
import { userPlace } from "./probe-text.js";
import { resolveInRoot } from "./root-path.js";

/** Where a user probe goes: `symbol`, `offset`, or both. */
export interface UprobeTarget {
  /** A program or library, absolute. Every process that has it mapped is probed. */
  path: string;
  /** A function: `name`, or `name@VERSION` where a library has several. */
  symbol?: string;
  /** Bytes from the symbol, or, without one, from the file's start. */
  offset?: number;
  /** The root directory that `path` is in, such as `/proc/PID/root` of a process in a container. Default `/`. */
  root?: string;
  /** The build id that the file must have: hexadecimal digits. */
  buildId?: string;
  /** Bytes from the file's start to the counter of a USDT probe's users, which the kernel keeps for it. */
  referenceCounter?: number;
}

/** A probe to be made, and the file that it stands in, held open so that no other can take its place. */
export interface OpenUprobe {
  readonly request: ProbeRequest;
  close(): Promise<void>;
}

/** Where Debian, Fedora and others put symbols that were stripped from a file, by its build id. */
const DEBUG_DIRECTORY = "/usr/lib/debug/.build-id";

/**
 * Finds the place in the file.
 *
 * @throws PerfError `not_found`, `invalid`, `unsupported`, `permission`
 */
export async function openUprobe(target: UprobeTarget, options: ProbeOptions): Promise<OpenUprobe> {
  const { args = {}, onReturn = false } = options;
  const where = [target.symbol, target.offset].filter((part) => part !== undefined).join("+");
  const subject = `${onReturn ? "uretprobe" : "uprobe"}:${target.path}:${where}`;
  checkTarget(target, subject);
  const file = await openFile(target);
  try {
    const offset = await findOffset(file, target);
    // The kernel finds the file by its descriptor: a path can hold what tracefs cannot be told.
    const place = userPlace(`/proc/self/fd/${file.fd}`, offset, target.referenceCounter);
    return { request: { kind: "uprobe", subject, place, onReturn, args }, close: () => file.close() };
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function findOffset(file: FileHandle, target: UprobeTarget): Promise<number> {
  const { path, symbol, offset = 0, buildId } = target;
  const elf = await ElfFile.read(file, path);
  if (buildId !== undefined && elf.buildId !== buildId.toLowerCase()) {
    const cause = `its build id is ${elf.buildId ?? "not there"}, not ${buildId}`;
    throw new PerfError("not_found", { operation: "registerUprobe", subject: path, cause });
  }
  if (symbol === undefined) return assertCode(elf, offset, path);
  const own = await findElfSymbols(elf, symbol);
  const symbols = own.length > 0 ? own : await findDebugSymbols(elf, target, symbol);
  const start = elf.offsetOf(chooseElfSymbol(symbols, symbol, path).address);
  if (start === undefined) {
    throw new PerfError("invalid", { operation: "symbol", subject: `${path}, ${symbol}`, cause: "it is no code" });
  }
  return assertCode(elf, start + offset, path);
}

/** Symbols that were stripped from the file; none where they are not installed. */
async function findDebugSymbols(elf: ElfFile, { root = "/" }: UprobeTarget, symbol: string): Promise<ElfSymbol[]> {
  if (elf.buildId === undefined) return [];
  const name = `${elf.buildId.slice(0, 2)}/${elf.buildId.slice(2)}.debug`;
  for (const place of new Set([root, "/"])) {
    const file = await open(join(place, DEBUG_DIRECTORY, name)).catch(() => undefined);
    if (file === undefined) continue;
    try {
      const debug = await ElfFile.read(file, name);
      if (debug.buildId === elf.buildId) return await findElfSymbols(debug, symbol);
    } finally {
      await file.close();
    }
  }
  return [];
}

function assertCode(elf: ElfFile, offset: number, path: string): number {
  if (elf.isCode(offset)) return offset;
  const cause = `no code lies at its offset 0x${offset.toString(16)}`;
  throw new PerfError("invalid", { operation: "registerUprobe", subject: path, cause });
}

async function openFile({ path, root }: UprobeTarget): Promise<FileHandle> {
  try {
    // A pipe would have us wait for its other end.
    const flags = constants.O_RDONLY | constants.O_NONBLOCK;
    return await open(root === undefined ? path : await resolveInRoot(root, path), flags);
  } catch (error) {
    throw toPerfError(error, "open", root === undefined ? path : `${path} in ${root}`);
  }
}

function checkTarget({ path, symbol, offset, buildId }: UprobeTarget, subject: string): void {
  const refuse = (cause: string) => {
    throw new PerfError("invalid", { operation: "registerUprobe", subject: JSON.stringify(subject), cause });
  };
  if (!path.startsWith("/") || path.includes("\0")) refuse("the path is not absolute");
  if (symbol === undefined && offset === undefined) refuse("neither symbol nor offset");
  if (offset !== undefined && !(Number.isSafeInteger(offset) && offset >= 0)) refuse(`${offset} is no offset`);
  if (buildId !== undefined && !/^(?:[0-9a-fA-F]{2})+$/.test(buildId))
    refuse("the build id is not of hexadecimal digits");
}
