import { type EventCount, PerfType } from "@kernscope/perf-native";
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
  /** Kernel functions that can be probed; left out: all, empty: a kernel without kprobes. */
  functions?: readonly string[];
}

/** Where and when a tracepoint fires. */
export interface EmitOptions extends Omit<RecordHeader, "event" | "type"> {
  /** What the head and tail of the sample hold, as far as the event samples it. */
  sample?: SampleFields;
  /** It finds no room in the ring: counted (as `PERF_RECORD_LOST` does without `countsLost`), but no record. */
  lost?: boolean;
  /** The kernel could not handle the probe: it counts that and nothing else. */
  missed?: boolean;
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
    this.tracing = new FakeTracing(options.formats, options.functions);
  }

  /** A monitor on this kernel. */
  openMonitor(options: EventMonitorOptions = {}): Promise<EventMonitor> {
    const { source, clock, tracing } = this;
    return EventMonitor.open({ ...options, source, tracing, readClock: clock.read });
  }

  /**
   * Fires a tracepoint (`system/event`), or all probes at a place (`kprobe:do_exit`, `kretprobe:vfs_read`,
   * `uprobe:0x1234`, `uretprobe:0x1234`): a record for each event that is open and enabled on it, filters not
   * considered. Without a time it happens 1 µs after what happened last. Returns how many records were made.
   */
  emit(name: string, values: FieldValues = {}, options: EmitOptions = {}): number {
    if (options.time === undefined) this.clock.advance(1000);
    const placed = { time: this.clock.now, ...options };
    const probe = /^(k|u)(ret)?probe:(.*)$/.exec(name);
    if (probe === null) return this.#fire(this.#format(name), values, placed);
    let records = 0;
    for (const each of this.tracing.probes.probes.values()) {
      const at = each.file === "uprobe_events" ? each.place.replace(/^.*:/, "") : each.place;
      if (each.file !== `${probe[1]}probe_events` || at !== probe[3] || each.onReturn !== (probe[2] === "ret"))
        continue;
      if (options.missed) each.missed++;
      else each.reached++;
      if (!options.missed) records += this.#fire(parseTraceFormat(each.format), values, placed);
    }
    return records;
  }

  /** Hands out, at once, all that was emitted. */
  deliver(): void {
    this.source.deliver();
  }

  #fire(format: TraceFormat, values: FieldValues, { sample, lost, missed, ...place }: EmitOptions): number {
    const header = { cpu: this.source.cpus[0] ?? 0, ...place };
    const raw = encodeRaw(format, { common_pid: header.tid ?? header.pid ?? 0, ...values });
    let records = 0;
    for (const { enabled, request, counts } of this.source.events.values()) {
      if (!enabled || request.attr.type !== PerfType.TRACEPOINT || request.attr.config !== format.id) continue;
      const count = counts.find(({ cpu }) => cpu === header.cpu);
      countHit(count, lost === true);
      if (lost && !this.source.countsLost) this.source.count({ lost: 1 });
      if (lost) continue;
      const layout = createSampleLayout(request.attr, this.source.countsLost);
      this.source.feed(this.#builder.sample(layout, { ...header, event: request.index }, raw, sample));
      records++;
    }
    return records;
  }

  #format(name: string): TraceFormat {
    const known = this.#formats.get(name);
    if (known !== undefined) return known;
    const format = parseTraceFormat(this.tracing.formatOf(name));
    this.#formats.set(name, format);
    return format;
  }
}

function countHit(count: EventCount | undefined, lost: boolean): void {
  if (count === undefined) throw new RangeError("FakeKernel.emit: there is no ring on this cpu");
  count.value++;
  if (lost && count.lost !== undefined) count.lost++;
}
