import { BreakpointType, type EventAttr, HardwareEvent, PerfType, SoftwareEvent } from "@kernscope/perf-native";
import { PerfError } from "./errors.js";

/** Something that the processor or the kernel counts (perf_event_open(2)). */
export type Counter =
  /** What most processors count, such as `CPU_CYCLES`. */
  | { readonly hardware: keyof typeof HardwareEvent }
  /** What the kernel counts, such as `CONTEXT_SWITCHES`; clocks count nanoseconds. */
  | { readonly software: keyof typeof SoftwareEvent }
  | { readonly cache: CacheCounter }
  /** An event of this processor, or, with `pmu`, of another unit (its number in /sys/bus/event_source). */
  | { readonly raw: number | bigint; readonly pmu?: number }
  | { readonly breakpoint: Breakpoint };

export interface CacheCounter {
  readonly cache: keyof typeof caches;
  readonly operation: keyof typeof cacheOperations;
  readonly result: keyof typeof cacheResults;
}

/** Accesses to an address, or executions of what is there. */
export interface Breakpoint {
  readonly address: number | bigint;
  readonly access: "read" | "write" | "readWrite" | "execute";
  /** Bytes: 1, 2, 4 or 8. Default 4, and what the kernel wants for `execute`. */
  readonly length?: number;
}

/** `PERF_COUNT_HW_CACHE_*` (include/uapi/linux/perf_event.h). */
const caches = { L1D: 0, L1I: 1, LL: 2, DTLB: 3, ITLB: 4, BPU: 5, NODE: 6 } as const;
const cacheOperations = { READ: 0, WRITE: 1, PREFETCH: 2 } as const;
const cacheResults = { ACCESS: 0, MISS: 1 } as const;
const accesses = {
  read: BreakpointType.READ,
  write: BreakpointType.WRITE,
  readWrite: BreakpointType.READ | BreakpointType.WRITE,
  execute: BreakpointType.EXECUTE,
} as const;
/** `sizeof(long)`, which breakpoints on executions must have (hw_breakpoint.h). */
const WORD = 8;

/** @throws PerfError `invalid` */
export function counterAttr(counter: Counter): EventAttr {
  if ("hardware" in counter) {
    return { type: PerfType.HARDWARE, config: known(HardwareEvent, counter.hardware, "hardware counter") };
  }
  if ("software" in counter) {
    return { type: PerfType.SOFTWARE, config: known(SoftwareEvent, counter.software, "software counter") };
  }
  if ("cache" in counter) {
    const { cache, operation, result } = counter.cache;
    const config =
      known(caches, cache, "cache") |
      (known(cacheOperations, operation, "operation") << 8) |
      (known(cacheResults, result, "result") << 16);
    return { type: PerfType.HW_CACHE, config };
  }
  if ("raw" in counter) return { type: counter.pmu ?? PerfType.RAW, config: counter.raw };
  const { address, access, length = access === "execute" ? WORD : 4 } = counter.breakpoint;
  if (![1, 2, 4, 8].includes(length)) throw invalid("breakpoint", `${length} bytes: not 1, 2, 4 or 8`);
  return {
    type: PerfType.BREAKPOINT,
    config: 0,
    breakpointType: known(accesses, access, "access"),
    config1: address,
    config2: length,
  };
}

/** In a few words, such as `CPU_CYCLES` or `breakpoint 0x4010 write`. */
export function counterName(counter: Counter): string {
  if ("hardware" in counter) return counter.hardware;
  if ("software" in counter) return counter.software;
  if ("cache" in counter) return Object.values(counter.cache).join("_");
  if ("raw" in counter) return `raw 0x${counter.raw.toString(16)}`;
  return `breakpoint 0x${counter.breakpoint.address.toString(16)} ${counter.breakpoint.access}`;
}

/** What this counter needs that a system may lack. */
export function counterNeeds(counter: Counter): string | undefined {
  if ("software" in counter) return undefined;
  if ("breakpoint" in counter) return "needs a processor with debug registers that the kernel may use";
  return "needs a performance monitoring unit that has this event; virtual machines often have none";
}

function known(table: Readonly<Record<string, number>>, name: string, what: string): number {
  const number = Object.hasOwn(table, name) ? table[name] : undefined;
  if (number === undefined) throw invalid(what, `${JSON.stringify(name)}: not one of ${Object.keys(table).join(", ")}`);
  return number;
}

function invalid(operation: string, cause: string): PerfError {
  return new PerfError("invalid", { operation, cause });
}
