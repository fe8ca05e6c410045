import { type EventAttr, type EventCount, ReadFormat, SampleFormat } from "@kernscope/perf-native";
import { checkAttr } from "./check-attr.js";
import { type Counter, counterAttr, counterName, counterNeeds } from "./counter.js";
import { PerfError } from "./errors.js";
import type { RegistrationOptions } from "./monitor-options.js";
import { applySampleOptions } from "./sample-options.js";
import type { SampleRecord } from "./sample-record.js";

export interface CounterGroupOptions extends Omit<RegistrationOptions, "filter" | "completeStack"> {
  /** What the group is called in reports. Default: the names of its counters. */
  name?: string;
  /** Take a sample whenever the first counter has counted so many. */
  period?: number | bigint;
  /** Take so many samples a second, the first counter's period adapted to it. */
  frequency?: number;
}

/** What the counters of a group had counted at one moment, since they were enabled first. */
export interface CounterValues {
  /** Nanoseconds that the group was enabled. */
  readonly timeEnabled: bigint;
  /** Nanoseconds that it was really counting: less, where more groups wanted the processor's counters than it has. */
  readonly timeRunning: bigint;
  /** In the order in which the counters were registered. Empty where a sample was cut short. */
  readonly values: readonly bigint[];
}

/** On one CPU, and, where pids or cgroups are watched, of one of them. */
export interface CounterReading extends CounterValues {
  readonly cpu: number;
  readonly pid: number;
}

/** `values` is a cursor, valid during the call. */
export type CounterHandler = (record: SampleRecord, values: CounterValues) => void;

/** What is opened: the first counter leads the group and takes the samples. */
export interface CounterGroup {
  readonly name: string;
  readonly leader: EventAttr;
  readonly members: readonly EventAttr[];
}

/** @throws PerfError `invalid` */
export function counterGroup(counters: readonly Counter[], options: CounterGroupOptions): CounterGroup {
  const { period, frequency, name = counters.map(counterName).join(",") } = options;
  const [first, ...rest] = counters;
  const refuse = (cause: string) =>
    new PerfError("invalid", { operation: "registerCounterGroup", subject: name, cause });
  if (first === undefined) throw refuse("it has no counters");
  if (period !== undefined && frequency !== undefined) throw refuse("period and frequency are given: choose one");
  if (period !== undefined && !(period >= 1 && (typeof period === "bigint" || Number.isSafeInteger(period)))) {
    throw refuse(`period ${period}: not a whole number of 1 or more, from 2^53 on a bigint`);
  }
  if (frequency !== undefined && !(Number.isInteger(frequency) && frequency >= 1)) {
    throw refuse(`frequency ${frequency}: not a whole number of 1 or more`);
  }
  // Events that tasks inherit cannot be read as a group (before 6.13).
  const flags = { ...options.attr?.flags, inherit: false };
  const own = {
    ...options.attr,
    ...counterAttr(first),
    flags,
    readFormat: ReadFormat.GROUP | ReadFormat.TOTAL_TIME_ENABLED | ReadFormat.TOTAL_TIME_RUNNING,
    sampleType: (options.attr?.sampleType ?? 0) | SampleFormat.READ,
    ...(period !== undefined && { samplePeriod: period }),
    ...(frequency !== undefined && { sampleFrequency: frequency }),
  };
  return {
    name,
    leader: applySampleOptions(own, options.sample ?? {}, name),
    members: rest.map((counter) => checkAttr({ ...counterAttr(counter), flags }, name)),
  };
}

/** Says what a counter needs that could not be opened. */
export function explainCounterError(error: unknown, counters: readonly Counter[], name: string): unknown {
  const lacking = counters.find((counter) => counterNeeds(counter) !== undefined);
  if (!(error instanceof PerfError) || error.code !== "unsupported" || lacking === undefined) return error;
  const { operation, errno, cpu } = error;
  const cause = errno ?? "not there";
  const feature = "breakpoint" in lacking ? "breakpoints" : "hardwareCounters";
  const remedy = counterNeeds(lacking);
  return new PerfError("unsupported", { operation, subject: name, cpu, cause, errno, feature, remedy, from: error });
}

/** What {@link EventCount} says of a group. */
export function counterReading({ cpu, pid, timeEnabled, timeRunning, values = [] }: EventCount): CounterReading {
  return { cpu, pid, timeEnabled, timeRunning, values };
}

/** Reads the values of whichever sample `record` stands on. */
export class CounterCursor implements CounterValues {
  readonly #record: SampleRecord;

  constructor(record: SampleRecord) {
    this.#record = record;
  }

  get timeEnabled(): bigint {
    return this.#record.values?.timeEnabled ?? 0n;
  }

  get timeRunning(): bigint {
    return this.#record.values?.timeRunning ?? 0n;
  }

  get values(): bigint[] {
    return this.#record.values?.counters.map(({ value }) => value) ?? [];
  }
}
