import { Clock } from "@kernscope/perf-native";

/** A clock that moves only when told to; {@link VirtualClock.read} is what a monitor takes as `readClock`. */
export class VirtualClock {
  /** Nanoseconds of the records' clock. */
  now: bigint;
  /** Unix time at 0 of the records' clock. */
  unixOrigin = 1_700_000_000_000_000_000n;
  /** Nanoseconds asleep: CLOCK_BOOTTIME's lead. */
  asleep = 0n;

  constructor(now = 1_000_000_000n) {
    this.now = now;
  }

  readonly read = (clockId: number): bigint => {
    if (clockId === Clock.REALTIME) return this.unixOrigin + this.now;
    return clockId === Clock.BOOTTIME ? this.now + this.asleep : this.now;
  };

  advance(nanos: number | bigint): void {
    this.now += BigInt(nanos);
  }
}
