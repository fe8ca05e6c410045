import { readFileSync } from "node:fs";
import { type EventId, type EventMonitor, PerfError } from "@kernscope/perf";
import type { KernelSupport } from "./kernel-support.js";

/** Called with the times (nanoseconds since the monitor's `clock.origin`) between which the probes fell silent, or were. */
export type OnSilence = (from: number, to: number) => void;

export interface ProbeCanaryInit {
  readonly monitor: EventMonitor;
  readonly kernel: KernelSupport;
  /** Kernel probes were found not to fire, and again when they do: then with the whole time. */
  readonly onSilence: OnSilence;
}

/** What reading /proc/version calls, and hardly anything else. */
const FUNCTION = "version_proc_show";
/** So many calls make a sample: they are only counted. */
const NEVER = 2 ** 52;
/** Milliseconds between two looks. */
const INTERVAL = 1000;

/**
 * Notices that kernel probes do not fire any more, which the kernel tells nobody: root can disarm all of them
 * (`kprobes/enabled` in debugfs, the sysctl `kernel.ftrace_enabled`). Once a second it calls a function that has a probe,
 * and looks whether that was counted.
 */
export class ProbeCanary {
  readonly #init: ProbeCanaryInit;
  readonly #id: EventId;
  #hits = 0n;
  #silentSince: number | undefined;
  #lastHeard: number;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  /** Looks once; `undefined` where the kernel has no probes, or not this function. */
  static async open(init: ProbeCanaryInit): Promise<ProbeCanary | undefined> {
    if (!init.kernel.kprobes) return undefined;
    const id = await init.monitor
      .registerKprobe(FUNCTION, () => {}, { attr: { samplePeriod: NEVER } })
      .catch((error) => {
        if (error instanceof PerfError && error.code === "not_found") return undefined;
        throw error;
      });
    if (id === undefined) return undefined;
    const canary = new ProbeCanary(init, id);
    await canary.#look();
    canary.#next();
    return canary;
  }

  private constructor(init: ProbeCanaryInit, id: EventId) {
    this.#init = init;
    this.#id = id;
    this.#lastHeard = init.monitor.clock.now();
  }

  /** At the last look probes did not fire. */
  get silent(): boolean {
    return this.#silentSince !== undefined;
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  #next(): void {
    if (this.#stopped) return;
    this.#timer = setTimeout(() => {
      this.#look().then(
        () => this.#next(),
        () => this.stop(),
      );
    }, INTERVAL);
    this.#timer.unref();
  }

  async #look(): Promise<void> {
    const { monitor, onSilence } = this.#init;
    readFileSync("/proc/version");
    const now = monitor.clock.now();
    const hits = await this.#count();
    if (hits === undefined) this.stop();
    if (hits === undefined || this.#stopped) return;
    const heard = hits > this.#hits;
    this.#hits = hits;
    if (!heard && this.#silentSince === undefined) {
      this.#silentSince = this.#lastHeard;
      onSilence(this.#silentSince, now);
    } else if (heard && this.#silentSince !== undefined) {
      onSilence(this.#silentSince, now);
      this.#silentSince = undefined;
    }
    if (heard) this.#lastHeard = now;
  }

  /** `undefined`: the monitor was closed meanwhile. */
  async #count(): Promise<bigint | undefined> {
    try {
      const { events } = await this.#init.monitor.loss();
      const own = events.find(({ id }) => id === this.#id);
      return own?.byCpu.reduce((sum, { hits }) => sum + hits, 0n);
    } catch (error) {
      if (error instanceof PerfError && error.code === "closed") return undefined;
      throw error;
    }
  }
}
