import { ReadFormat } from "@kernscope/perf-native";
import { countAt, type RawMemory } from "./raw-memory.js";

/** Counter values in a sample (`PERF_SAMPLE_READ`). */
export interface ReadValues {
  /** Nanoseconds that the event was enabled; `undefined` where its read format lacks it. */
  timeEnabled: bigint | undefined;
  /** Nanoseconds that it really counted; less than `timeEnabled` where counters were multiplexed. */
  timeRunning: bigint | undefined;
  /** One for the event alone, or one for each member of its counter group, the leader first. */
  counters: { value: bigint; id: bigint | undefined; lost: bigint | undefined }[];
}

/**
 * Bytes of the counter values at byte offset `at` (perf_event_open(2), "Reading results"); −1 where they do not end at
 * `end` or before.
 */
export function readValuesSize(memory: RawMemory, format: number, at: number, end: number): number {
  const times = 8 * (flag(format, ReadFormat.TOTAL_TIME_ENABLED) + flag(format, ReadFormat.TOTAL_TIME_RUNNING));
  const entry = 8 * (1 + flag(format, ReadFormat.ID) + flag(format, ReadFormat.LOST));
  if ((format & ReadFormat.GROUP) === 0) return at + times + entry <= end ? times + entry : -1;
  const count = countAt(memory, at, end - times, entry);
  return count < 0 ? -1 : 8 + times + count * entry;
}

/** Decodes the counter values at byte offset `at`; `undefined` where they do not end at `end` or before. */
export function decodeReadValues(memory: RawMemory, format: number, at: number, end: number): ReadValues | undefined {
  if (readValuesSize(memory, format, at, end) < 0) return undefined;
  let next = at - 8;
  const take = (): bigint => {
    next += 8;
    return memory.bigint(next);
  };
  const takeIf = (bit: number) => (format & bit ? take() : undefined);
  const takeTimes = () => {
    const timeEnabled = takeIf(ReadFormat.TOTAL_TIME_ENABLED);
    return { timeEnabled, timeRunning: takeIf(ReadFormat.TOTAL_TIME_RUNNING) };
  };
  const takeExtras = () => {
    const id = takeIf(ReadFormat.ID);
    return { id, lost: takeIf(ReadFormat.LOST) };
  };
  if ((format & ReadFormat.GROUP) === 0) {
    const value = take();
    return { ...takeTimes(), counters: [{ value, ...takeExtras() }] };
  }
  const count = Number(take());
  const times = takeTimes();
  return { ...times, counters: Array.from({ length: count }, () => ({ value: take(), ...takeExtras() })) };
}

function flag(format: number, bit: number): number {
  return format & bit ? 1 : 0;
}
