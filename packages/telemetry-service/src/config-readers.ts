import { readFileSync } from "node:fs";
import { parseAddress } from "@kernscope/telemetry-api";
import { limitFault, limitRanges, type ServiceLimits } from "./limits.js";

// Each reads the text, or the items of a list, that a setting was given, and throws an Error that says what is wrong with it
// and what to give instead.

/** How much the program says; each level includes those before it. */
export const logLevels = ["silent", "fatal", "error", "warn", "info", "debug", "trace"] as const;
export type LogLevel = (typeof logLevels)[number];

/** Values of processes that can be followed: `follow` of the sensor's `processCache` options. */
export const followedFields = ["creds", "cwd"] as const;
export type FollowedField = (typeof followedFields)[number];

const KIB = 1024;
const MIB = 1024 * KIB;
/** Of every kernel that is supported; larger pages make larger rings of the original's page counts, never smaller ones. */
const PAGE = 4 * KIB;
const MIN_RING = 2 * PAGE;
const MAX_RING = 1024 * MIB;
const units: Readonly<Record<string, number>> = { "": 1, k: KIB, m: MIB, g: 1024 * MIB };

export function readAddresses(items: readonly string[]): string[] {
  const found = new Set<string>();
  readEach(items, (text) => {
    parseAddress(text);
    if (found.has(text)) throw new Error(`${text} is there twice – give each address once`);
    found.add(text);
  });
  if (found.size === 0) throw new Error("there is no address – give unix:PATH or HOST:PORT");
  return [...found];
}

export function readRingSize(text: string): number {
  const match = /^(\d+)\s*([kmg]?)(?:i?b)?$/i.exec(text);
  const size = match === null ? Number.NaN : Number(match[1]) * (units[match[2]?.toLowerCase() ?? ""] ?? Number.NaN);
  if (isRing(size)) return size;
  throw new Error(`${JSON.stringify(text)} is no size of a ring – give a power of two from 8KiB to 1GiB, such as 2MiB`);
}

export function readRingPages(text: string): number {
  const size = /^\d+$/.test(text) ? Number(text) * PAGE : Number.NaN;
  if (isRing(size)) return size;
  throw new Error(`${JSON.stringify(text)} is no number of pages – give a power of two from 2 to ${MAX_RING / PAGE}`);
}

function isRing(size: number): boolean {
  return size >= MIN_RING && size <= MAX_RING && Number.isInteger(Math.log2(size / PAGE));
}

export function readLogLevel(text: string): LogLevel {
  const level = logLevels.find((name) => name === text.toLowerCase());
  if (level !== undefined) return level;
  throw new Error(`there is no level ${JSON.stringify(text)} – give one of ${logLevels.join(", ")}`);
}

export function readMode(text: string): number {
  if (/^0?[0-7]{3}$/.test(text)) return Number.parseInt(text, 8);
  throw new Error(`${JSON.stringify(text)} are no permissions – give three octal digits, such as 0660`);
}

/** The id of a group, given that or its name. */
export function readGroup(text: string, groupFile = "/etc/group"): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  const lines = readFileSync(groupFile, "utf8").split("\n");
  const id = lines.map((line) => line.split(":")).find(([name]) => name === text)?.[2];
  if (id !== undefined && /^\d+$/.test(id)) return Number(id);
  throw new Error(`there is no group ${JSON.stringify(text)} – give one of ${groupFile}, or a number`);
}

export function readPath(text: string): string {
  if (text !== "" && !text.includes("\0")) return text;
  throw new Error("there is no path – give that of a file");
}

export function readOrigins(items: readonly string[]): string[] {
  return readEach(items, (text) => {
    // An origin is what a browser sends: neither path nor a slash at its end.
    if (URL.canParse(text) && new URL(text).origin === text) return text;
    throw new Error(`${JSON.stringify(text)} is no origin – give scheme, host and port, such as https://example.com`);
  });
}

export function readCgroups(items: readonly string[]): string[] {
  return items.filter((name) => name !== "" && name !== "/");
}

/** Values of processes. */
export function readFollow(items: readonly string[]): FollowedField[] {
  const names = items.filter((name) => name !== "");
  return readEach(names, (name) => {
    const field = followedFields.find((known) => known === name);
    if (field !== undefined) return field;
    throw new Error(`${JSON.stringify(name)} cannot be followed – give ${followedFields.join(" or ")}`);
  });
}

/** Limits as `NAME=NUMBER`. */
export function readLimits(items: readonly string[]): Partial<ServiceLimits> {
  const limits = readEach(items, (text) => {
    const [name = "", number = ""] = text.split("=", 2);
    if (!Object.hasOwn(limitRanges, name)) {
      const names = Object.keys(limitRanges).join(", ");
      throw new Error(`there is no limit ${JSON.stringify(name)} – the limits are ${names}`);
    }
    if (!/^\d{1,15}$/.test(number)) {
      throw new Error(`${JSON.stringify(text)} is no limit – give NAME=NUMBER with a whole number`);
    }
    const fault = limitFault(name as keyof ServiceLimits, Number(number));
    if (fault !== undefined) throw new Error(fault);
    return [name, Number(number)] as const;
  });
  return Object.fromEntries(limits);
}

/** Reads all items, and throws what is wrong with any of them. */
function readEach<T>(items: readonly string[], read: (text: string) => T): T[] {
  const faults: string[] = [];
  const found = items.flatMap((text) => {
    try {
      return [read(text)];
    } catch (error) {
      faults.push((error as Error).message);
      return [];
    }
  });
  if (faults.length > 0) throw new Error(faults.join("; "));
  return found;
}

/** Whether TLS is wanted, as the original has it. */
export function readBoolean(text: string): boolean {
  if (/^(1|t|true)$/i.test(text)) return true;
  if (/^(0|f|false)$/i.test(text)) return false;
  throw new Error(`${JSON.stringify(text)} is neither true nor false – give one of them`);
}
