import { createRequire } from "node:module";
import { constants } from "node:os";
import { fileURLToPath } from "node:url";
import { PerfNativeError } from "./errors.js";
import type { EventCount, SourceStats } from "./record-source.js";

/** What native/addon.cc exports. Its arguments are not checked there. */
export interface Binding {
  Reader: new (options: NativeReaderOptions, span: Uint32Array, onReady: () => void) => NativeReader;
  ProcReader: new (root: string, names: readonly string[], limits: Uint32Array) => NativeProcReader;
  clockNanos(clockId: number): bigint;
  mountDetached(type: string): number;
  tryEvent(attr: Uint8Array, pid: number, cpu: number): number;
  closeDescriptor(descriptor: number): void;
  readProcessMemory(pid: number, address: bigint, target: Uint8Array): number;
  readFile(path: string, into: Uint8Array): number;
}

export interface NativeProcReader {
  read(numbers: Int32Array, into: Uint8Array, lengths: Int32Array): Promise<number>;
  readNow(numbers: Int32Array, into: Uint8Array, lengths: Int32Array): number;
}

export interface NativeReaderOptions {
  cpus: Int32Array;
  ringSize: number;
  spanSize: number;
  tickNanos: number;
  quickTickNanos: number;
  restTickNanos: number;
  batch: number;
  slackNanos: number;
  clockId: number;
  offlineRings: boolean;
}

export interface NativeOpenRequest {
  index: number;
  attr: Uint8Array;
  /** Pairs of pid and CPU. */
  targets: Int32Array;
  followCpus: boolean;
  flags: number;
  leader: number | undefined;
  filter: string | undefined;
  enabled: boolean;
  ringSize: number;
  completeStack: boolean;
}

export interface NativeReader {
  readonly memory: ArrayBuffer;
  openRings(attr: Uint8Array): Promise<number[]>;
  /** `failed`: what could not be opened, as other calls reject with. */
  followCpus(online: Int32Array): Promise<{ came: number[]; failed?: unknown }>;
  open(request: NativeOpenRequest): Promise<number[]>;
  setEnabled(indices: Uint32Array, enabled: boolean): Promise<void>;
  setFilter(index: number, filter: string): Promise<void>;
  counts(index: number): Promise<EventCount[]>;
  closeEvents(indices: Uint32Array): Promise<void>;
  start(): void;
  take(): boolean;
  release(): void;
  requestHorizon(): void;
  stats(): SourceStats;
  setRef(referenced: boolean): void;
  close(): Promise<void>;
}

let loaded: Binding | undefined;

/**
 * Loads the addon, at the first call: a prebuilt one, else one that was compiled here.
 *
 * @throws PerfNativeError `unsupported`
 */
export function binding(): Binding {
  if (loaded !== undefined) return loaded;
  if (process.platform !== "linux") {
    throw new PerfNativeError(
      "unsupported",
      `load(perf-native): this is ${process.platform} – perf events are Linux's`,
    );
  }
  try {
    const load = createRequire(import.meta.url)("node-gyp-build") as (folder: string) => Binding;
    loaded = load(fileURLToPath(new URL("..", import.meta.url)));
    return loaded;
  } catch (error) {
    const cause = error instanceof Error ? error.message.split("\n")[0] : String(error);
    throw new PerfNativeError(
      "unsupported",
      `load(perf-native): ${cause} – install a C++ compiler, make and python3, then run "npm rebuild @kernscope/perf-native"`,
    );
  }
}

/** Turns what the addon, or Node, threw or rejected with into a {@link PerfNativeError}. */
export function fromNative(error: unknown): PerfNativeError {
  if (error instanceof PerfNativeError) return error;
  const { code, syscall } = error as NodeJS.ErrnoException;
  if (code !== undefined && syscall !== undefined) {
    return new PerfNativeError("system", String((error as Error).message), { errno: code, operation: syscall });
  }
  const details = error as { operation?: string; errno?: number; cpu?: number; pid?: number; message?: string };
  if (details.operation === undefined) return new PerfNativeError("invalid", String(details.message ?? error));
  const errno = errnoName(details.errno ?? 0);
  const where = [details.cpu, details.pid].some((value) => value !== undefined && value !== -1)
    ? `(cpu ${details.cpu}, pid ${details.pid})`
    : "";
  return new PerfNativeError("system", `${details.operation}${where}: ${errno}`, {
    errno,
    operation: details.operation,
    ...(details.cpu !== undefined && { cpu: details.cpu }),
    ...(details.pid !== undefined && { pid: details.pid }),
  });
}

/** Calls the addon; what it throws becomes a {@link PerfNativeError}. */
export function called<T>(call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw fromNative(error);
  }
}

/** Name of an errno, such as `EACCES`. */
export function errnoName(errno: number): string {
  return Object.entries(constants.errno).find(([, value]) => value === errno)?.[0] ?? `errno ${errno}`;
}
