import { PerformanceEventType } from "@kernscope/telemetry-api";

/** A counter of perf_event_open(2). */
export interface NamedCounter {
  readonly type: "hardware" | "software";
  /** PERF_COUNT_HW_* or PERF_COUNT_SW_*. */
  readonly config: number;
}

/** Counters by the names that perf(1) has for them. */
export const counters: Readonly<Record<string, NamedCounter>> = {
  cycles: { type: "hardware", config: 0 },
  instructions: { type: "hardware", config: 1 },
  "cache-references": { type: "hardware", config: 2 },
  "cache-misses": { type: "hardware", config: 3 },
  branches: { type: "hardware", config: 4 },
  "branch-misses": { type: "hardware", config: 5 },
  "cpu-clock": { type: "software", config: 0 },
  "task-clock": { type: "software", config: 1 },
  "page-faults": { type: "software", config: 2 },
  "context-switches": { type: "software", config: 3 },
  migrations: { type: "software", config: 4 },
  "minor-faults": { type: "software", config: 5 },
  "major-faults": { type: "software", config: 6 },
};

/** How the API calls the types. */
export const wireCounterTypes = {
  hardware: PerformanceEventType.HARDWARE,
  software: PerformanceEventType.SOFTWARE,
} as const;

/** The name of a counter; undefined where it has none here. */
export function counterName(type: PerformanceEventType, config: bigint): string | undefined {
  return Object.keys(counters).find((name) => {
    const counter = counters[name];
    return counter !== undefined && wireCounterTypes[counter.type] === type && BigInt(counter.config) === config;
  });
}
