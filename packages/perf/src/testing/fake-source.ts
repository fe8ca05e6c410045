import {
  Clock,
  type EventCount,
  type OpenedEvent,
  type OpenRequest,
  PerfNativeError,
  RecordFlag,
  RecordOffset,
  type RecordSource,
  type SourceStats,
} from "@kernscope/perf-native";
import { VirtualClock } from "./virtual-clock.js";

export interface FakeSourceOptions {
  clock?: VirtualClock;
  /** Default [0, 1]. */
  cpus?: readonly number[];
  /** Bytes of span memory. Default 1 MiB. */
  spanSize?: number;
  /** Whether losses are counted by event, as since Linux 6.0. Default true. */
  countsLost?: boolean;
}

/** An event that was opened on a fake source. */
export interface FakeEvent {
  readonly request: OpenRequest;
  enabled: boolean;
  filter: string;
  /** What `counts` answers. */
  counts: EventCount[];
}

/**
 * A record source without a kernel. Records that a test feeds come out in time order when the horizon passes them; the
 * horizon follows the virtual clock unless the test holds it. What no caller may do with a source throws here.
 */
export class FakeSource implements RecordSource {
  readonly clock: VirtualClock;
  cpus: readonly number[];
  readonly clockId = Clock.MONOTONIC;
  readonly countsLost: boolean;
  readonly memory: ArrayBuffer;
  spanStart = 0;
  spanEnd = 0;
  horizonHigh = 0;
  horizonLow = 0;
  /** Events that are open, by index. */
  readonly events = new Map<number, FakeEvent>();
  /** Called before each `open`; what it throws is `open`'s answer. */
  onOpen: ((request: OpenRequest) => void) | undefined;
  /** Nanoseconds that the horizon does not pass; `undefined`: it follows the clock. */
  heldHorizon: bigint | undefined;
  referenced = true;
  closed = false;
  #pending: PendingRecord[] = [];
  #order = 0;
  #ready: (() => void) | undefined;
  #soon: NodeJS.Immediate | undefined;
  #taken = false;
  #horizon = 0n;
  #lastTime = 0n;
  #came: readonly number[] = [];
  readonly #indices = new Set<number>();
  readonly #stats = { records: 0, bytes: 0, late: 0, corrupt: 0, unknown: 0, lost: 0, stalls: 0, wakeups: 0 };

  constructor(options: FakeSourceOptions = {}) {
    this.clock = options.clock ?? new VirtualClock();
    this.cpus = options.cpus ?? [0, 1];
    this.countsLost = options.countsLost ?? true;
    this.memory = new ArrayBuffer(options.spanSize ?? 1 << 20);
  }

  /**
   * Takes records as {@link RecordBuilder} makes them. The clock is moved to the youngest; they are handed out soon, or
   * by {@link FakeSource.deliver}.
   */
  feed(...records: readonly Uint8Array[]): void {
    for (const bytes of records) {
      const time = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(RecordOffset.TIME, true);
      if (bytes.length > this.memory.byteLength) throw new RangeError(`feed: a record of ${bytes.length} bytes`);
      this.#pending.push({ time, order: this.#order++, bytes });
      if (time > this.clock.now) this.clock.now = time;
    }
    this.#notify();
  }

  /** Hands out, at once, all that the horizon allows. */
  deliver(): void {
    clearImmediate(this.#soon);
    this.#soon = undefined;
    if (this.#ready === undefined) throw new Error("FakeSource.deliver: not started");
    this.#stats.wakeups++;
    this.#ready();
  }

  /** Adds to the counts of `stats()`. */
  count(counts: Partial<SourceStats>): void {
    for (const [name, value] of Object.entries(counts)) this.#stats[name as keyof SourceStats] += value;
  }

  start(onReady: () => void): void {
    this.#assertOpen("start");
    if (this.#ready !== undefined) throw new Error("FakeSource.start: called twice");
    this.#ready = onReady;
    this.#notify();
  }

  async open(request: OpenRequest): Promise<OpenedEvent> {
    this.#assertOpen("open");
    if (this.#indices.has(request.index)) throw new Error(`FakeSource.open: index ${request.index} was used before`);
    for (const { cpu } of request.targets) {
      if (!this.cpus.includes(cpu)) throw new Error(`FakeSource.open: no ring on cpu ${cpu}`);
    }
    this.onOpen?.(request);
    this.#indices.add(request.index);
    this.events.set(request.index, {
      request,
      enabled: request.enabled ?? false,
      filter: request.filter ?? "",
      counts: request.targets.map(({ cpu, pid }) => ({ cpu, pid, ...this.#noCounts })),
    });
    return { offline: [] };
  }

  /** CPUs come online, for the first time or again; `followCpus` will find them. */
  plug(...cpus: readonly number[]): void {
    this.#came = [...new Set([...this.#came, ...cpus])];
  }

  async followCpus(): Promise<readonly number[]> {
    this.#assertOpen("followCpus");
    const came = this.#came;
    this.#came = [];
    this.cpus = [...new Set([...this.cpus, ...came])].sort((a, b) => a - b);
    for (const { request, counts } of this.events.values()) {
      if (request.followCpus !== true) continue;
      for (const pid of new Set(request.targets.map((target) => target.pid))) {
        for (const cpu of came) {
          if (!counts.some((each) => each.cpu === cpu && each.pid === pid))
            counts.push({ cpu, pid, ...this.#noCounts });
        }
      }
    }
    return came;
  }

  async setEnabled(indices: readonly number[], enabled: boolean): Promise<void> {
    this.#assertOpen("setEnabled");
    for (const index of indices) this.#event(index).enabled = enabled;
  }

  async setFilter(index: number, filter: string): Promise<void> {
    this.#assertOpen("setFilter");
    const event = this.#event(index);
    if (event.filter !== "") {
      const details = { operation: "PERF_EVENT_IOC_SET_FILTER", errno: "EEXIST" };
      throw new PerfNativeError("system", "setFilter: the event has a filter", details);
    }
    event.filter = filter;
  }

  async counts(index: number): Promise<EventCount[]> {
    this.#assertOpen("counts");
    return structuredClone(this.#event(index).counts);
  }

  async closeEvents(indices: readonly number[]): Promise<void> {
    this.#assertOpen("closeEvents");
    for (const index of indices) this.#event(index).enabled = false;
    await new Promise<void>((resolve) => setImmediate(resolve));
    for (const index of indices) this.events.delete(index);
  }

  take(): boolean {
    this.#assertOpen("take");
    if (this.#taken) throw new Error("FakeSource.take: the span before was not released");
    const horizon = this.heldHorizon ?? this.clock.now;
    const due = this.#pending.filter(({ time }) => time <= horizon).sort(byTime);
    const size = this.#write(due);
    if (size === 0 && horizon <= this.#horizon) return false;
    this.#taken = true;
    this.spanStart = 0;
    this.spanEnd = size;
    // Where not all fitted, only what was handed out is sure.
    const left = this.#pending.reduce((first, { time }) => lesser(time, first), horizon);
    if (left > this.#horizon) this.#horizon = left;
    this.horizonHigh = Number(this.#horizon >> 32n);
    this.horizonLow = Number(this.#horizon & 0xffff_ffffn);
    return true;
  }

  release(): void {
    if (!this.#taken) throw new Error("FakeSource.release: nothing was taken");
    this.#taken = false;
    // Reading a record after its span was given back must not go unnoticed.
    new Uint8Array(this.memory, this.spanStart, this.spanEnd - this.spanStart).fill(0xa5);
    if (this.#pending.length > 0) this.#notify();
  }

  requestHorizon(): void {
    this.#assertOpen("requestHorizon");
    this.#notify();
  }

  stats(): SourceStats {
    return { ...this.#stats };
  }

  ref(): void {
    this.referenced = true;
    this.#soon?.ref();
  }

  unref(): void {
    this.referenced = false;
    this.#soon?.unref();
  }

  async close(): Promise<void> {
    if (this.#taken) throw new Error("FakeSource.close: a span is still taken");
    clearImmediate(this.#soon);
    this.closed = true;
    this.events.clear();
  }

  #notify(): void {
    if (this.#ready === undefined || this.closed) return;
    this.#soon ??= setImmediate(() => this.deliver());
    if (!this.referenced) this.#soon.unref();
  }

  /** Writes what fits to the memory; returns its bytes. */
  #write(due: readonly PendingRecord[]): number {
    const memory = new Uint8Array(this.memory);
    const view = new DataView(this.memory);
    const written = new Set<object>();
    let size = 0;
    for (const entry of due) {
      const { time, bytes } = entry;
      if (size + bytes.length > memory.length) break;
      written.add(entry);
      memory.set(bytes, size);
      if (time < this.#lastTime)
        view.setUint16(size + RecordOffset.FLAGS, this.#flags(view, size) | RecordFlag.LATE, true);
      else this.#lastTime = time;
      const flags = this.#flags(view, size);
      if (flags & RecordFlag.LATE) this.#stats.late++;
      if (flags & RecordFlag.CORRUPT) this.#stats.corrupt++;
      this.#stats.records++;
      this.#stats.bytes += bytes.length;
      size += bytes.length;
    }
    if (written.size > 0) this.#pending = this.#pending.filter((entry) => !written.has(entry));
    return size;
  }

  get #noCounts(): Omit<EventCount, "cpu" | "pid"> {
    return { value: 0n, timeEnabled: 0n, timeRunning: 0n, lost: this.countsLost ? 0n : undefined };
  }

  #flags(view: DataView, at: number): number {
    return view.getUint16(at + RecordOffset.FLAGS, true);
  }

  #event(index: number): FakeEvent {
    const event = this.events.get(index);
    if (event === undefined) throw new Error(`FakeSource: event ${index} is not open`);
    return event;
  }

  #assertOpen(operation: string): void {
    if (this.closed) throw new PerfNativeError("closed", `${operation}: the source was closed`);
  }
}

interface PendingRecord {
  time: bigint;
  order: number;
  bytes: Uint8Array;
}

function lesser(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}

function byTime(a: PendingRecord, b: PendingRecord): number {
  return a.time < b.time ? -1 : a.time > b.time ? 1 : a.order - b.order;
}
