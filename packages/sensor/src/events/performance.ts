import { existsSync } from "node:fs";
import type { Counter } from "@kernscope/perf";
import { canonical } from "../canonical.js";
import { SensorError } from "../errors.js";
import { PerformanceEventType } from "../payload.js";
import { Registrations } from "../registrations.js";
import type { PerformanceFilter } from "../subscription-request.js";
import type { EventFamily } from "./family.js";

/** Classes of counters: perf_event_open(2)'s `type`, and the API's number. */
const classes = {
  hardware: { pmu: 0, type: PerformanceEventType.HARDWARE },
  "hardware-cache": { pmu: 3, type: PerformanceEventType.HARDWARE_CACHE },
  software: { pmu: 1, type: PerformanceEventType.SOFTWARE },
} as const;

const MAX_COUNTERS = 16;
/** Units that count hardware events (perf_event_open(2)), by their names on x86 and arm64. */
const UNITS = ["cpu", "cpu_core", "armv8_pmuv3", "armv8_pmuv3_0"];

/** Readings of counters, of each CPU on its own. */
export const performanceEvents: EventFamily<PerformanceFilter> = {
  kinds: ["performance"],
  fields(filter) {
    check(filter);
    return {};
  },
  service() {
    const hasUnit = UNITS.some((name) => existsSync(`/sys/bus/event_source/devices/${name}`));
    return {
      sources: hasUnit ? ["hardware counters", "software counters"] : ["software counters"],
      lacks: hasUnit ? [] : ["hardware and cache counters: the kernel knows no unit that has them"],
      remedies: hasUnit ? [] : ["a processor, or virtual machine, with a performance monitoring unit"],
    };
  },
  plan(filter) {
    const { counters, period, frequency } = filter;
    const key = canonical(filter);
    return {
      key,
      kernel: [{ event: counters.map(({ type, config }) => `${type} ${config}`).join(", "), filter: "" }],
      rest: undefined,
      open: ({ monitor, processCache }, sink) =>
        Registrations.open(
          monitor,
          (id) => sink.owns(id),
          async (registrations) => {
            const wanted = counters.map(({ type, config }): Counter => ({ raw: config, pmu: classes[type].pmu }));
            const id = await monitor.registerCounterGroup(
              wanted,
              (record, { timeEnabled, timeRunning, values }) => {
                if (!sink.wants(record.cgroup)) return;
                const read = values.map((value, at) => {
                  const { type, config } = counters[at]!;
                  return { type: classes[type].type, config, value };
                });
                const value = { totalTimeEnabled: timeEnabled, totalTimeRunning: timeRunning, values: read };
                sink.emit(record, processCache.lookupTask(record.tid), { case: "performance", value });
              },
              {
                sample: { cgroup: true },
                ...(period !== undefined && { period }),
                ...(frequency !== undefined && { frequency }),
              },
            );
            registrations.add(id);
          },
        ),
    };
  },
};

function check({ counters, period, frequency }: PerformanceFilter): void {
  const refuse = (cause: string) => new SensorError("invalid", `newSubscription(performance): ${cause}`);
  if (!Array.isArray(counters) || counters.length === 0 || counters.length > MAX_COUNTERS) {
    throw refuse(`there are ${counters?.length ?? 0} counters – name 1 to ${MAX_COUNTERS}`);
  }
  for (const { type, config } of counters) {
    if (!Object.hasOwn(classes, type)) throw refuse(`counter type ${JSON.stringify(type)} is not known`);
    if (!isUnsigned64(config)) throw refuse(`config ${config} is not an integer from 0 to 2^64 - 1`);
  }
  if ((period === undefined) === (frequency === undefined)) throw refuse("give either period or frequency");
  if (period !== undefined && !(isUnsigned64(period) && period >= 1)) throw refuse(`period ${period}: give 1 or more`);
  if (frequency !== undefined && !(Number.isSafeInteger(frequency) && frequency >= 1)) {
    throw refuse(`frequency ${frequency}: give a whole number of readings a second, from 1`);
  }
}

function isUnsigned64(value: number | bigint): boolean {
  return typeof value === "bigint" ? BigInt.asUintN(64, value) === value : Number.isSafeInteger(value) && value >= 0;
}
