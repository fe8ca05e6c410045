import { Clock, clockNanos } from "@kernscope/perf-native";

/** Reads a clock of clock_gettime(2) (`Clock`): nanoseconds. */
export type ClockReader = (clockId: number) => bigint;

/** How often a reading is repeated, so that one which was interrupted does not count. */
const READINGS = 3;

/**
 * The clock of a monitor's records, and what its times are on other clocks. Times are `elapsed`: nanoseconds since
 * {@link MonitorClock.origin} as a number, exact for 104 days.
 */
export class MonitorClock {
  /** Nanoseconds of the records' clock when the monitor was opened. */
  readonly origin: bigint;
  readonly #clockId: number;
  readonly #read: ClockReader;
  /** Unix time and boot time at `elapsed` 0. */
  #unixOrigin: bigint;
  #bootOrigin: number;

  constructor(clockId: number, read: ClockReader = clockNanos) {
    this.#clockId = clockId;
    this.#read = read;
    this.origin = read(clockId);
    this.#unixOrigin = this.#originOn(Clock.REALTIME);
    this.#bootOrigin = Number(this.#originOn(Clock.BOOTTIME));
  }

  now(): number {
    return Number(this.#read(this.#clockId) - this.origin);
  }

  /** Nanoseconds since 1970-01-01 UTC, as the system's clock stood at the last {@link MonitorClock.refresh}. */
  toUnixNanos(elapsed: number): bigint {
    return this.#unixOrigin + BigInt(Math.round(elapsed));
  }

  toUnixMillis(elapsed: number): number {
    return (Number(this.#unixOrigin / 1000n) + elapsed / 1000) / 1000;
  }

  /** Nanoseconds since boot, sleep included (CLOCK_BOOTTIME): the clock of start times in /proc/PID/stat. */
  toBootNanos(elapsed: number): number {
    return this.#bootOrigin + elapsed;
  }

  /** The `elapsed` of a time since boot. */
  fromBootNanos(nanos: number): number {
    return nanos - this.#bootOrigin;
  }

  /**
   * Compares the clocks anew: the system's time may have been set, or the machine may have slept. A running monitor does
   * so once a second.
   */
  refresh(): void {
    this.#unixOrigin = this.#originOn(Clock.REALTIME);
    this.#bootOrigin = Number(this.#originOn(Clock.BOOTTIME));
  }

  /** What the clock `other` showed at `elapsed` 0, as if both had always gone at the same rate. */
  #originOn(other: number): bigint {
    if (other === this.#clockId) return this.origin;
    let best: { gap: bigint; origin: bigint } | undefined;
    for (let reading = 0; reading < READINGS; reading++) {
      const before = this.#read(this.#clockId);
      const there = this.#read(other);
      const gap = this.#read(this.#clockId) - before;
      if (best === undefined || gap < best.gap) best = { gap, origin: there - (before + gap / 2n - this.origin) };
    }
    return best?.origin ?? 0n;
  }
}
