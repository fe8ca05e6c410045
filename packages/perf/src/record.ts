import { RECORD_HEADER_SIZE, RecordFlag, RecordOffset } from "@kernscope/perf-native";
import type { RawMemory } from "./raw-memory.js";
import type { SampleLayout } from "./sample-layout.js";

/** Names a registered event within its monitor; never given twice. */
export type EventId = number;

/** What every sample says of where it came from, as a copy that may be kept. */
export interface SampleId {
  /** Process (thread group) id in the monitor's pid namespace. */
  pid: number;
  /** Thread id. */
  tid: number;
  cpu: number;
  /** Id of the perf_event cgroup (for cgroup v2 the inode number of its directory); 0 where it was not sampled. */
  cgroup: number;
  /** Nanoseconds since the monitor's `clock.origin`. */
  elapsed: number;
}

/** The registered event that a record belongs to. */
export interface RecordOwner {
  readonly id: EventId;
  readonly layout: SampleLayout | undefined;
}

/** 2^32 */
const WORD = 4_294_967_296;
const BACK = RECORD_HEADER_SIZE >> 2;

/**
 * The header that all records share. It is a cursor: one object for a monitor's life, valid during a handler's call.
 */
export class EventRecord {
  protected readonly memory: RawMemory;
  protected readonly owners: (index: number) => RecordOwner | undefined;
  readonly #originHigh: number;
  readonly #originLow: number;

  /**
   * @param origin `clock.origin` of the monitor
   * @param owners whose record it is, by the source's index
   */
  constructor(memory: RawMemory, origin: bigint, owners: (index: number) => RecordOwner | undefined) {
    this.owners = owners;
    this.memory = memory;
    this.#originHigh = Number(origin >> 32n);
    this.#originLow = Number(origin & 0xffff_ffffn);
  }

  /** `RecordType` of perf-native; SAMPLE for whatever is not side-band. */
  get type(): number {
    return this.#word(RecordOffset.TYPE) & 0xffff;
  }

  get event(): EventId {
    return this.owner?.id ?? this.#word(RecordOffset.EVENT);
  }

  /** Its time is before that of a record that came earlier. */
  get late(): boolean {
    return ((this.#word(RecordOffset.TYPE) >>> 16) & RecordFlag.LATE) !== 0;
  }

  /** The record is shorter than its event says: what is missing reads as 0, "" or `undefined`. */
  get corrupt(): boolean {
    return ((this.#word(RecordOffset.TYPE) >>> 16) & RecordFlag.CORRUPT) !== 0;
  }

  /** The end of the user stack is not the kernel's copy: it was read from the process, right after the sample was taken. */
  get userStackRead(): boolean {
    return ((this.#word(RecordOffset.TYPE) >>> 16) & RecordFlag.STACK_READ) !== 0;
  }

  /** Nanoseconds since the monitor's `clock.origin`: exact for 104 days. */
  get elapsed(): number {
    return (
      (this.#word(RecordOffset.TIME + 4) - this.#originHigh) * WORD + (this.#word(RecordOffset.TIME) - this.#originLow)
    );
  }

  /** Nanoseconds of the monitor's clock. */
  get time(): bigint {
    return this.memory.bigint(this.memory.start - RECORD_HEADER_SIZE + RecordOffset.TIME);
  }

  /** Process (thread group) id in the monitor's pid namespace. */
  get pid(): number {
    return this.#word(RecordOffset.PID) | 0;
  }

  /** Thread id. */
  get tid(): number {
    return this.#word(RecordOffset.TID) | 0;
  }

  /** The CPU that wrote the record. */
  get cpu(): number {
    return this.#word(RecordOffset.CPU);
  }

  /** Id of the perf_event cgroup; 0 where it was not sampled (`sample.cgroup`). */
  get cgroup(): number {
    return this.#word(RecordOffset.CGROUP + 4) * WORD + this.#word(RecordOffset.CGROUP);
  }

  /** The kernel's id of the event on that CPU or process. */
  get id(): bigint {
    return this.memory.bigint(this.memory.start - RECORD_HEADER_SIZE + RecordOffset.ID);
  }

  /** `perf_event_header.misc`. */
  get misc(): number {
    return this.#word(RecordOffset.MISC);
  }

  /** A view of a sample's raw data, or of a side-band record's body. */
  get raw(): Uint8Array {
    return this.memory.u8.subarray(this.memory.start, this.memory.start + this.memory.size);
  }

  /** The u64 at a byte offset of {@link raw} (a multiple of 4): a number where it is a safe integer; 0 beyond the end. */
  rawUnsigned64(offset: number): number | bigint {
    const { memory } = this;
    return offset + 8 > memory.size ? 0 : memory.unsigned64(memory.start + offset);
  }

  /** The s64 at a byte offset of {@link raw}, likewise. */
  rawSigned64(offset: number): number | bigint {
    const { memory } = this;
    return offset + 8 > memory.size ? 0 : memory.signed64(memory.start + offset);
  }

  /** A copy that may be kept. */
  sampleId(): SampleId {
    return { pid: this.pid, tid: this.tid, cpu: this.cpu, cgroup: this.cgroup, elapsed: this.elapsed };
  }

  protected get owner(): RecordOwner | undefined {
    return this.owners(this.#word(RecordOffset.EVENT));
  }

  #word(offset: number): number {
    return this.memory.u32[(this.memory.start >> 2) - BACK + (offset >> 2)]!;
  }
}
