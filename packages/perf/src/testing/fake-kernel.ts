import { PerfType } from "@kernscope/perf-native";
import { EventMonitor } from "../event-monitor.js";
import type { EventMonitorOptions } from "../monitor-options.js";
import { createSampleLayout } from "../sample-layout.js";
import { parseTraceFormat, type TraceFormat } from "../trace-format.js";
import { FakeSource, type FakeSourceOptions } from "./fake-source.js";
import { FakeTracing } from "./fake-tracing.js";
import { encodeRaw, type FieldValues } from "./raw-encoder.js";
import { RecordBuilder, type RecordHeader, type SampleFields } from "./record-builder.js";
import type { VirtualClock } from "./virtual-clock.js";

export interface FakeKernelOptions extends FakeSourceOptions {
  /** Formats beside the well-known ones, by `system/event`; `undefined`: the kernel has no such event. */
  formats?: Readonly<Record<string, string | undefined>>;
}

/** Where and when a tracepoint fires. */
export interface EmitOptions extends Omit<RecordHeader, "event" | "type"> {
  /** What the head and tail of the sample hold, as far as the event samples it. */
  sample?: SampleFields;
}

/** A fake source and its tracepoints by name: the shortest way to test what is built on a monitor. */
export class FakeKernel {
  readonly source: FakeSource;
  readonly clock: VirtualClock;
  readonly tracing: FakeTracing;
  readonly #formats = new Map<string, TraceFormat>();
  readonly #builder = new RecordBuilder();

  constructor(options: FakeKernelOptions = {}) {
    this.source = new FakeSource(options);
    this.clock = this.source.clock;
    this.tracing = new FakeTracing(options.formats);
  }

  /** A monitor on this kernel. */
  openMonitor(options: EventMonitorOptions = {}): Promise<EventMonitor> {
    const { source, clock, tracing } = this;
    return EventMonitor.open({ ...options, source, tracing, readClock: clock.read });
  }

  /**
   * Fires a tracepoint: a record for each event that is open and enabled on it, filters not considered. Without a time
   * it happens 1 µs after what happened last. Returns how many records were made.
   */
  emit(name: string, values: FieldValues = {}, options: EmitOptions = {}): number {
    const format = this.#format(name);
    const { sample, ...place } = options;
    if (place.time === undefined) this.clock.advance(1000);
    const header = { time: this.clock.now, cpu: this.source.cpus[0] ?? 0, ...place };
    const raw = encodeRaw(format, { common_pid: header.tid ?? header.pid ?? 0, ...values });
    let records = 0;
    for (const { enabled, request } of this.source.events.values()) {
      if (!enabled || request.attr.type !== PerfType.TRACEPOINT || request.attr.config !== format.id) continue;
      const layout = createSampleLayout(request.attr, this.source.countsLost);
      this.source.feed(this.#builder.sample(layout, { ...header, event: request.index }, raw, sample));
      records++;
    }
    return records;
  }

  /** Hands out, at once, all that was emitted. */
  deliver(): void {
    this.source.deliver();
  }

  #format(name: string): TraceFormat {
    const known = this.#formats.get(name);
    if (known !== undefined) return known;
    const format = parseTraceFormat(this.tracing.formatOf(name));
    this.#formats.set(name, format);
    return format;
  }
}
