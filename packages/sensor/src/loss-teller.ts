import type { EventMonitor, LossReport } from "@kernscope/perf";
import type { Envelope } from "./envelope.js";
import { LostRecordCause, LostRecordType, type TelemetryEvent } from "./event.js";

/**
 * Turns what the monitor's account says was lost into events for the subscribers. Every loss is told once, with its exact
 * count where the kernel gives one.
 */
export class LossTeller {
  readonly #envelope: Envelope;
  readonly #now: () => number;
  readonly #tell: (event: TelemetryEvent) => void;
  readonly #stop: () => void;
  #toldLost = 0;
  #toldCorrupt = 0;
  #toldAt: number;

  constructor(monitor: EventMonitor, envelope: Envelope, tell: (event: TelemetryEvent) => void) {
    this.#envelope = envelope;
    this.#now = () => monitor.clock.now();
    this.#toldAt = this.#now();
    this.#tell = tell;
    this.#stop = monitor.onLoss((report) => this.report(report));
  }

  /** Records of kernel events that were lost so far. */
  get lost(): number {
    return this.#toldLost + this.#toldCorrupt;
  }

  report(report: LossReport): void {
    const now = this.#now();
    // Before Linux 6.0 only the rings' own LOST records count, which lag behind.
    const lost = Math.max(Number(report.total.lost ?? 0n), report.total.lost === undefined ? report.ringLost : 0);
    this.#add(lost - this.#toldLost, LostRecordCause.KERNEL_RING, now);
    this.#add(report.corrupt + report.unknown - this.#toldCorrupt, LostRecordCause.MALFORMED, now);
    this.#toldLost = lost;
    this.#toldCorrupt = report.corrupt + report.unknown;
    this.#toldAt = now;
  }

  stop(): void {
    this.#stop();
  }

  #add(lost: number, cause: number, now: number): void {
    if (lost <= 0) return;
    this.#tell(this.#envelope.ofLoss(lost, LostRecordType.PROCESS, cause, this.#toldAt, now));
  }
}
