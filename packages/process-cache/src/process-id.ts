/** Nanoseconds of a clock tick of /proc: USER_HZ is 100 on all architectures that Node runs on. */
export const NANOS_PER_TICK = 10_000_000;

/**
 * How far off the conversion of an event's time to CLOCK_BOOTTIME can be, in ns. CLOCK_MONOTONIC, which monitors use if not
 * told otherwise, goes at its rate; CLOCK_MONOTONIC_RAW may drift away from it until the next comparison a second later.
 */
const CLOCK_ERROR = 200_000;

/** Typical distance between the kernel's start time and the fork event, in ns. */
const TYPICAL_DELAY = 10_000;

/**
 * Makes process ids: text that names one process for ever, derived from the boot, the pid and the start time, so that
 * whoever looks at the same process, by its fork event or in /proc, before or after a restart, finds the same id.
 * Reads `BOOT-PID-TICK`: 12 hexadecimal digits of the boot id, pid, and start time in clock ticks since boot. Of several
 * processes that had a pid within one tick all but the first have a `-N` behind it, from 1 on: that they are several only
 * their fork events tell.
 */
export class ProcessIds {
  /** `BOOT-` */
  readonly #prefix: string;

  /** `bootId`: the text of /proc/sys/kernel/random/boot_id. */
  constructor(bootId: string) {
    this.#prefix = `${bootId.replaceAll("-", "").trim().slice(0, 12).toLowerCase()}-`;
  }

  /**
   * The id of the process `tgid` that started at `tick`, clock ticks since boot (field 22 of /proc/PID/stat), after `others`
   * that had the pid in that tick.
   */
  of(tgid: number, tick: number, others = 0): string {
    // V8 keeps a long text as the pieces that it was put together of: these are the fewest.
    const start = `${tgid}-${tick}`;
    const id = `${this.#prefix}${start}`;
    return others === 0 ? id : `${id}-${others}`;
  }
}

/**
 * The first tick in which a process can have begun that was forked by a thread after that thread's record of `bootNanos`
 * (CLOCK_BOOTTIME).
 */
export function earliestStartTick(bootNanos: number): number {
  return Math.max(0, Math.floor((bootNanos - CLOCK_ERROR) / NANOS_PER_TICK));
}

/**
 * The last tick in which a process can have begun whose fork event came at `bootNanos`. How much earlier it began nobody
 * knows: between its start time and the event copy_process() (kernel/fork.c) takes a lock and can be preempted, and so can
 * the CPU if it is a virtual one. But who forks does one thing after the other: what came before in its records bounds it.
 */
export function latestStartTick(bootNanos: number): number {
  return Math.max(0, Math.floor((bootNanos + CLOCK_ERROR) / NANOS_PER_TICK));
}

/** The start time in ticks that is most likely where it is in doubt and the process cannot be asked. */
export function likelyStartTick(bootNanos: number): number {
  return Math.max(0, Math.floor((bootNanos - TYPICAL_DELAY) / NANOS_PER_TICK));
}

/**
 * Whether a task that /proc shows with start time `tick` can be the one whose fork event came at `bootNanos`, if a fork
 * takes `ticks` at most.
 */
export function isStartOf(bootNanos: number, tick: number, ticks: number): boolean {
  const latest = latestStartTick(bootNanos);
  return tick <= latest && tick >= latest - ticks;
}
