import type { EventCount, OpenedEvent, OpenRequest, RecordSource, SourceStats } from "@kernscope/perf-native";
import { FakeSource } from "./fake-source.js";
import { RecordBuilder } from "./record-builder.js";

/** What is replayed: the raw data of an event, by the id that it was registered with. */
export interface ReplayedRecord {
  event: number;
  raw: Uint8Array;
}

/**
 * Hands out the same span of records again and again, never refilled, so that what a monitor costs can be measured, and
 * what it keeps, with as many records as wanted. Anything else it leaves to a fake source.
 */
export class ReplaySource implements RecordSource {
  readonly memory: ArrayBuffer;
  readonly clockId: number;
  readonly countsLost: boolean;
  readonly spanStart = 0;
  spanEnd = 0;
  horizonHigh = 0;
  horizonLow = 0;
  /** Records handed out. */
  handedOut = 0;
  readonly #inner: FakeSource;
  #count = 0;
  #left = 0;
  #ready: () => void = () => {};

  constructor(inner: FakeSource = new FakeSource()) {
    this.#inner = inner;
    this.memory = inner.memory;
    this.clockId = inner.clockId;
    this.countsLost = inner.countsLost;
  }

  get cpus(): readonly number[] {
    return this.#inner.cpus;
  }

  /**
   * Fills the span with these records in turn.
   *
   * @param origin Nanoseconds: time of the first one; each is 1 ns later
   * @param bytes Of the span at most
   */
  load(records: readonly ReplayedRecord[], origin: bigint, bytes = 1 << 20): void {
    const builder = new RecordBuilder();
    const memory = new Uint8Array(this.memory);
    this.spanEnd = 0;
    this.#count = 0;
    for (;;) {
      const record = records[(this.#count * 7) % records.length];
      if (record === undefined) throw new RangeError("ReplaySource.load: no records");
      const header = { event: record.event, time: origin + BigInt(this.#count), cpu: this.#count & 1, pid: 1, tid: 2 };
      const built = builder.record(header, record.raw);
      if (this.spanEnd + built.length > bytes) break;
      memory.set(built, this.spanEnd);
      this.spanEnd += built.length;
      this.#count++;
    }
    const end = origin + BigInt(this.#count);
    this.horizonHigh = Number(end >> 32n);
    this.horizonLow = Number(end & 0xffff_ffffn);
    this.#inner.clock.now = origin;
  }

  /** Hands out so many records, rounded up to whole spans; resolves when the last is out. */
  async replay(records: number): Promise<void> {
    this.#left = records;
    while (this.#left > 0) {
      this.#ready();
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  take(): boolean {
    if (this.#left <= 0) return false;
    this.#left -= this.#count;
    this.handedOut += this.#count;
    return true;
  }

  release(): void {}

  start(onReady: () => void): void {
    this.#ready = onReady;
  }

  open(request: OpenRequest): Promise<OpenedEvent> {
    return this.#inner.open(request);
  }

  followCpus(): Promise<readonly number[]> {
    return this.#inner.followCpus();
  }

  setEnabled(indices: readonly number[], enabled: boolean): Promise<void> {
    return this.#inner.setEnabled(indices, enabled);
  }

  setFilter(index: number, filter: string): Promise<void> {
    return this.#inner.setFilter(index, filter);
  }

  counts(index: number): Promise<EventCount[]> {
    return this.#inner.counts(index);
  }

  closeEvents(indices: readonly number[]): Promise<void> {
    return this.#inner.closeEvents(indices);
  }

  requestHorizon(): void {
    setImmediate(() => this.#ready());
  }

  stats(): SourceStats {
    return { ...this.#inner.stats(), records: this.handedOut };
  }

  ref(): void {}
  unref(): void {}

  close(): Promise<void> {
    return this.#inner.close();
  }
}
