import { openReader, type RecordSource, type SourceStats } from "@kernscope/perf-native";
import type { MonitorClock } from "./clock.js";
import { toPerfError } from "./errno.js";
import type { LossReport } from "./loss-report.js";
import { MonitorEvents } from "./monitor-events.js";
import type { EventMonitorOptions } from "./monitor-options.js";
import { assembleMonitor, type MonitorParts } from "./monitor-parts.js";
import { Targets } from "./targets.js";

/**
 * Watches kernel events: registers them, hands their records to handlers in time order, and keeps account of what was
 * lost. All handlers run on the thread that opened the monitor.
 */
export class EventMonitor extends MonitorEvents implements AsyncDisposable {
  /** The clock of the records, and what their times are on other clocks. It can be read after `close`, too. */
  readonly clock: MonitorClock;
  readonly #parts: MonitorParts;
  #closing: Promise<void> | undefined;

  /**
   * Opens the kernel, or `options.source`. Nothing is watched before it is registered.
   *
   * @throws PerfError `unsupported` (not Linux, no addon, no perf events), `permission` (no CAP_PERFMON; rings beyond
   *   `kernel.perf_event_mlock_kb` without CAP_IPC_LOCK), `not_found` (a process or cgroup), `invalid` (an option), `system`
   */
  static async open(options: EventMonitorOptions = {}): Promise<EventMonitor> {
    const targets = await Targets.open(options);
    let source: RecordSource | undefined;
    try {
      source = options.source ?? (await openReader({ offlineRings: !targets.boundToCpus, ...options }));
      return new EventMonitor(assembleMonitor(source, targets, options));
    } catch (error) {
      await targets.close();
      await source?.close();
      throw toPerfError(error, "open", "monitor");
    }
  }

  private constructor(parts: MonitorParts) {
    super(parts);
    this.#parts = parts;
    this.clock = parts.clock;
    // Also before it runs, records are better kept in the source's memory than in small rings.
    parts.source.start(() => parts.dispatcher.pump());
    parts.source.unref();
  }

  /** CPUs that are watched; those that come online are added (`hotplugInterval`). */
  get cpus(): readonly number[] {
    return this.#parts.source.cpus;
  }

  /**
   * Hands out records until `stop` or `close`. After that, and after it has rejected, it can be called again and goes on
   * with the next record. It rejects with
   *
   * - what a handler threw, unless `onHandlerError` was given; what a listener of `onBatchEnd` or `onStop` threw. A promise
   *   that a handler returns is nobody's: its rejection is the process's `unhandledRejection`, and its record is over
   *   before it goes on
   * - a PerfError where the loss counts could not be read (for listeners of `onLoss`), or CPUs that came not be taken in
   * - a PerfError `busy` when it runs, `closed` when the monitor was closed
   */
  async run(): Promise<void> {
    await this.#parts.run.start();
  }

  /** Hands out what happened before the call, then ends `run`. */
  async stop(): Promise<void> {
    await this.#parts.run.stop();
  }

  /** Ends `run` at once and gives everything back. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** What was lost so far, read from the kernel now. */
  async loss(): Promise<LossReport> {
    this.#parts.run.assertOpen("loss");
    return this.#parts.loss.report();
  }

  /**
   * Calls `listener` when something more was lost, missed, late, corrupt or throttled, or a CPU came: `lossInterval` later at
   * the most, while records flow, and at the end of `run`. Returns its removal.
   */
  onLoss(listener: (report: LossReport) => void): () => void {
    return this.#parts.loss.onLoss(listener);
  }

  /** Calls `listener` after each batch of records: the time to hand on what was gathered. Returns its removal. */
  onBatchEnd(listener: () => void): () => void {
    return this.#parts.run.onBatchEnd(listener);
  }

  /**
   * Calls `listener` when a stop has handed out all that happened before it, and before `run` ends: the time to put in what
   * was held back. Samples for a time that is past still go out. Returns its removal.
   */
  onStop(listener: () => void): () => void {
    return this.#parts.run.onStop(listener);
  }

  /**
   * What the reader has counted since the monitor was opened: records and bytes handed out, late, corrupt, unknown and lost
   * ones, stalls, wake-ups. It costs no system call. `loss()` tells more of what was lost. After `close`: the last counts.
   */
  stats(): SourceStats {
    return this.#parts.source.stats();
  }

  /** The monitor keeps the process alive while it runs: this is the default. */
  ref(): void {
    this.#parts.run.setReferenced(true);
  }

  /** The process may end while the monitor runs. */
  unref(): void {
    this.#parts.run.setReferenced(false);
  }

  async #close(): Promise<void> {
    const { run, loss, cpuFollower, source, probes, traceEvents, targets } = this.#parts;
    loss.stop();
    cpuFollower.stop();
    await run.close();
    const failures: unknown[] = [];
    // One after the other: probes are in use as long as their events are open. What fails must not keep the rest open.
    for (const part of [source, probes, traceEvents, targets]) {
      try {
        await part.close();
      } catch (error) {
        failures.push(error);
      }
    }
    run.end();
    if (failures.length > 0) throw toPerfError(failures[0], "close", "monitor");
  }
}
