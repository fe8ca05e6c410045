/** Nanoseconds of a clock tick of /proc: USER_HZ is 100 on all architectures that Node runs on. */
export const NANOS_PER_TICK = 10_000_000;

/**
 * How much later than the start time that the kernel keeps a fork event can be, in ns: between the two copy_process()
 * (kernel/fork.c) takes the lock of the task list and can be preempted.
 */
const FORK_DELAY = 1_000_000;

/** How far off the conversion of an event's time to CLOCK_BOOTTIME can be, in ns. */
const CLOCK_ERROR = 20_000;

/** Typical distance between the kernel's start time and the fork event, in ns. */
const TYPICAL_DELAY = 10_000;

/**
 * Makes process ids: text that names one process for ever, derived from the boot, the pid and the start time, so that
 * whoever looks at the same process, by its fork event or in /proc, before or after a restart, finds the same id.
 * Reads `BOOT-PID-TICK`: 12 hexadecimal digits of the boot id, pid, and start time in clock ticks since boot.
 */
export class ProcessIds {
  readonly #boot: string;

  /** `bootId`: the text of /proc/sys/kernel/random/boot_id. */
  constructor(bootId: string) {
    this.#boot = bootId.replaceAll("-", "").trim().slice(0, 12).toLowerCase();
  }

  /** The id of the process `tgid` that started at `tick`, clock ticks since boot (field 22 of /proc/PID/stat). */
  of(tgid: number, tick: number): string {
    return `${this.#boot}-${tgid}-${tick}`;
  }
}

/**
 * The start time in clock ticks that /proc shows for a task whose fork event came at `bootNanos` (CLOCK_BOOTTIME), or
 * `undefined` where it lies so near to the boundary of a tick that only /proc can tell.
 */
export function startTick(bootNanos: number): number | undefined {
  const earliest = Math.floor((bootNanos - FORK_DELAY) / NANOS_PER_TICK);
  const latest = Math.floor((bootNanos + CLOCK_ERROR) / NANOS_PER_TICK);
  return earliest === latest ? latest : undefined;
}

/** The start time in ticks that is most likely where {@link startTick} is in doubt and the process cannot be asked. */
export function likelyStartTick(bootNanos: number): number {
  return Math.max(0, Math.floor((bootNanos - TYPICAL_DELAY) / NANOS_PER_TICK));
}

/** Whether a task that /proc shows with start time `tick` can be the one whose fork event came at `bootNanos`. */
export function isStartOf(bootNanos: number, tick: number): boolean {
  const likely = likelyStartTick(bootNanos);
  return tick >= likely - 1 && tick <= likely + 1;
}
