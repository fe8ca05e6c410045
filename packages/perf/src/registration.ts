import type { OpenRequest } from "@kernscope/perf-native";
import type { CounterValues } from "./counter-group.js";
import type { EventGroup } from "./event-group.js";
import type { ExternalSample } from "./external-queue.js";
import type { TraceFields } from "./field-decoder.js";
import type { LossByCpu } from "./loss-report.js";
import type { Probe } from "./probe-registry.js";
import type { EventId } from "./record.js";
import type { SampleLayout } from "./sample-layout.js";
import type { SampleRecord } from "./sample-record.js";
import type { SideBandKind } from "./side-band.js";
import type { TraceFormat } from "./trace-format.js";

/** Both arguments are cursors, valid only during the call. What it returns is not looked at, be it a promise. */
export type SampleHandler<F = TraceFields> = (record: SampleRecord, data: F) => void;
export type ExternalHandler<T = unknown> = (sample: ExternalSample, data: T) => void;
// biome-ignore lint/suspicious/noExplicitAny: one table holds the handlers of all events, whatever their data
export type AnyHandler = (sample: any, data: any) => void;

/** What an event is, to those who register and to those who dispatch. */
export interface RegistrationInit {
  id: EventId;
  name: string;
  /** Of its samples; left out for external events. */
  layout?: SampleLayout | undefined;
  format?: TraceFormat | undefined;
  data?: TraceFields | undefined;
  group?: EventGroup | undefined;
  probe?: Probe | undefined;
  /** What its handlers get instead of trace fields. */
  values?: CounterValues | undefined;
  /** The records other than samples that its handlers get. */
  sideBand?: ReadonlySet<SideBandKind> | undefined;
  /** Each time it happens is a sample: true for tracepoints and probes with a period of 1. */
  countsSamples?: boolean;
}

/** When a kernel event's records are for the handlers: elapsed times. */
export interface Window {
  from: number;
  until: number;
}

/** One registered event. */
export class Registration {
  readonly id: EventId;
  readonly name: string;
  readonly external: boolean;
  readonly format: TraceFormat | undefined;
  readonly layout: SampleLayout | undefined;
  /** Bytes that a record's raw data has at least. */
  readonly rawSize: number;
  /** The cursor that handlers get. */
  readonly data: TraceFields | CounterValues;
  readonly group: EventGroup | undefined;
  /** The line in tracefs that it stands on. */
  readonly probe: Probe | undefined;
  readonly values: CounterValues | undefined;
  readonly sideBand: ReadonlySet<SideBandKind> | undefined;
  readonly countsSamples: boolean;
  /** Replaced, never changed, so that a dispatch that goes on is not disturbed. */
  handlers: readonly AnyHandler[] = [];
  /** Records that were handed to the handlers. */
  delivered = 0;
  /** Records that came when they were not wanted: after unregistering, or twice while the filter was replaced. */
  discarded = 0;
  /** Samples that the processor says it lost (PERF_RECORD_LOST_SAMPLES). */
  lostSamples = 0;
  /** How often the kernel stopped sampling it for a while because it came too often (PERF_RECORD_THROTTLE). */
  throttled = 0;

  /** How the kernel's event was opened, its index and whether it is on. */
  request: OpenRequest | undefined;
  /** Settles when the kernel has opened it, or not. */
  opening: Promise<unknown> | undefined;
  /** The source's indices of the kernel's events that are open for it: one, or two while one succeeds the other. */
  indices: number[] = [];
  /** The source's indices of the other members of its counter group. */
  members: number[] = [];
  /** By the source's index, as long as the event was opened anew and both may have records. */
  readonly windows = new Map<number, Window>();
  /** Counts of kernel events that were closed. */
  past: LossByCpu[] = [];
  /** It is being unregistered. */
  closing = false;
  /** Not every record of it is for the handlers. */
  selective = false;
  #entries: { handler: AnyHandler }[] = [];

  constructor(init: RegistrationInit) {
    this.id = init.id;
    this.name = init.name;
    this.external = init.layout === undefined;
    this.format = init.format;
    this.layout = init.layout;
    this.rawSize = init.format?.size ?? 0;
    this.data = init.data ?? init.values ?? noFields;
    this.values = init.values;
    this.sideBand = init.sideBand;
    this.countsSamples = init.countsSamples ?? false;
    this.group = init.group;
    this.probe = init.probe;
  }

  /** Returns the handler's removal. */
  addHandler(handler: AnyHandler): () => void {
    // An object of its own, so that the same function added twice is two handlers.
    const entry = { handler };
    this.#entries.push(entry);
    this.handlers = this.#entries.map((each) => each.handler);
    return () => {
      const at = this.#entries.indexOf(entry);
      if (at < 0) return;
      this.#entries.splice(at, 1);
      this.handlers = this.#entries.map((each) => each.handler);
    };
  }

  /** From now on its records are counted as discarded. */
  silence(): void {
    this.#entries = [];
    this.handlers = [];
    this.closing = true;
    this.selective = true;
  }

  setWindow(index: number, window: Window): void {
    this.windows.set(index, window);
    this.selective = true;
  }

  /** No record of the kernel's event with `index` will come any more. */
  removeWindow(index: number): void {
    this.windows.delete(index);
    if (this.windows.size === 1) this.windows.clear();
    this.selective = this.closing || this.windows.size > 0;
  }

  /** Whether a record of the kernel's event with `index` is for the handlers. Asked where `selective` is set. */
  wants(index: number, elapsed: number): boolean {
    if (this.closing) return false;
    const window = this.windows.get(index);
    return window === undefined || (elapsed >= window.from && elapsed < window.until);
  }
}

const noFields: TraceFields = Object.freeze({});
