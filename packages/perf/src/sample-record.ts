import { RECORD_HEADER_SIZE, ReadFormat, RecordOffset, SampleFormat } from "@kernscope/perf-native";
import type { RawMemory } from "./raw-memory.js";
import { EventRecord } from "./record.js";
import { readEntrySize, readTimesSize, type SampleLayout } from "./sample-layout.js";

/** Counter values in a sample (`PERF_SAMPLE_READ`). */
export interface ReadValues {
  /** Nanoseconds that the event was enabled; `undefined` where its read format lacks it. */
  timeEnabled: bigint | undefined;
  /** Nanoseconds that it really counted; less than `timeEnabled` where counters were multiplexed. */
  timeRunning: bigint | undefined;
  /** One for the event alone, or one for each member of its counter group, the leader first. */
  counters: { value: bigint; id: bigint | undefined; lost: bigint | undefined }[];
}

/** One taken branch (`struct perf_branch_entry`). */
export interface BranchEntry {
  from: bigint;
  to: bigint;
  /** The entry's third word as it is: prediction, transaction, cycles, type. */
  flags: bigint;
  mispredicted: boolean;
  predicted: boolean;
  inTransaction: boolean;
  abort: boolean;
  /** Since the branch before; 0 where the processor does not say. */
  cycles: number;
  /** `PERF_BR_*`. */
  type: number;
  /** Event counts of the branch, where `PERF_SAMPLE_BRANCH_COUNTERS` was asked for. */
  counters: bigint | undefined;
}

export interface BranchStack {
  /** Index of the newest entry in the hardware's ring, where it was asked for and is known. */
  hardwareIndex: bigint | undefined;
  /** Newest first. */
  entries: BranchEntry[];
}

/** The parts of `PERF_SAMPLE_WEIGHT_STRUCT`; their meaning is the processor's. */
export interface WeightParts {
  /** 32 bits. */
  var1: number;
  /** 16 bits. */
  var2: number;
  /** 16 bits. */
  var3: number;
}

/** Fields of the tail, in the kernel's order. */
const TAIL = {
  BRANCH_STACK: 0,
  REGS_USER: 1,
  STACK_USER: 2,
  WEIGHT: 3,
  DATA_SRC: 4,
  TRANSACTION: 5,
  REGS_INTR: 6,
  PHYS_ADDR: 7,
  DATA_PAGE_SIZE: 8,
  CODE_PAGE_SIZE: 9,
  AUX: 10,
  COUNT: 11,
} as const;

/**
 * A sample: the header of {@link EventRecord} and every field of perf_event_open(2)'s sample layout, decoded when it is
 * read and `undefined` where the event does not sample it. Views (`raw`, `callchain`, `userStack`, `aux`) are valid
 * during the handler's call only.
 */
export class SampleRecord extends EventRecord {
  readonly #layoutOf: (event: number) => SampleLayout | undefined;
  /** Byte offsets into the memory of the tail's fields, −1 for those that are not there; of record {@link #walked}. */
  readonly #tail = new Int32Array(TAIL.COUNT);
  #walked = -1;

  constructor(memory: RawMemory, origin: bigint, layoutOf: (event: number) => SampleLayout | undefined) {
    super(memory, origin);
    this.#layoutOf = layoutOf;
  }

  /** Instruction pointer. */
  get ip(): bigint | undefined {
    return this.#fixed(this.#layout?.ip);
  }

  /** The address that the event is about, such as that of a page fault or a watched variable. */
  get addr(): bigint | undefined {
    return this.#fixed(this.#layout?.addr);
  }

  /** The kernel's id of the event itself, where `id` is that of its counter group. */
  get streamId(): bigint | undefined {
    return this.#fixed(this.#layout?.streamId);
  }

  /** Events since the sample before. */
  get period(): bigint | undefined {
    return this.#fixed(this.#layout?.period);
  }

  /** Counter values. */
  get values(): ReadValues | undefined {
    const layout = this.#layout;
    const at = this.#readAt(layout);
    const size = this.#readSize(layout, at);
    if (layout === undefined || size === 0) return undefined;
    const format = layout.readFormat;
    let next = at;
    const take = (present: number): bigint | undefined => {
      if (present === 0) return undefined;
      next += 8;
      return this.memory.bigint(next - 8);
    };
    if (format & ReadFormat.GROUP) {
      const count = Number(take(1));
      const timeEnabled = take(format & ReadFormat.TOTAL_TIME_ENABLED);
      const timeRunning = take(format & ReadFormat.TOTAL_TIME_RUNNING);
      const counters = Array.from({ length: count }, () => counter(take, format));
      return { timeEnabled, timeRunning, counters };
    }
    const value = take(1) ?? 0n;
    const timeEnabled = take(format & ReadFormat.TOTAL_TIME_ENABLED);
    const timeRunning = take(format & ReadFormat.TOTAL_TIME_RUNNING);
    const id = take(format & ReadFormat.ID);
    const lost = take(format & ReadFormat.LOST);
    return { timeEnabled, timeRunning, counters: [{ value, id, lost }] };
  }

  /**
   * A view of the call chain's addresses, innermost first, with the kernel's context marks (`CallchainContext`) among
   * them.
   */
  get callchain(): BigUint64Array | undefined {
    const layout = this.#layout;
    if (layout === undefined || (layout.sampleType & SampleFormat.CALLCHAIN) === 0) return undefined;
    const readAt = this.#readAt(layout);
    const readSize = this.#readSize(layout, readAt);
    if (readSize === 0 && layout.sampleType & SampleFormat.READ) return undefined;
    const at = readAt + readSize;
    const count = this.#count(at, this.#headEnd, 8);
    return count < 0 ? undefined : new BigUint64Array(this.memory.u8.buffer as ArrayBuffer, at + 8, count);
  }

  get branchStack(): BranchStack | undefined {
    const layout = this.#layout;
    const at = this.#tailAt(TAIL.BRANCH_STACK);
    if (at < 0 || layout === undefined) return undefined;
    const count = this.memory.u32[at >> 2]!;
    const index = layout.branchHwIndex ? this.memory.bigint(at + 8) : undefined;
    const first = at + (layout.branchHwIndex ? 16 : 8);
    const countersAt = layout.branchCounters ? first + 24 * count : -1;
    return {
      // -1ULL: the hardware does not say.
      hardwareIndex: index === 0xffff_ffff_ffff_ffffn ? undefined : index,
      entries: Array.from({ length: count }, (_, number) => {
        const counters = countersAt < 0 ? undefined : this.memory.bigint(countersAt + 8 * number);
        return this.#branch(first + 24 * number, counters);
      }),
    };
  }

  /** 0: no user registers (a kernel thread, or not sampled); 1: those of a 32-bit task; 2: of a 64-bit one. */
  get userRegistersAbi(): number {
    const at = this.#tailAt(TAIL.REGS_USER);
    return at < 0 ? 0 : this.memory.u32[at >> 2]!;
  }

  /** One of the registers (`UserRegister`, asm/perf_regs.h) that the task had in user space. */
  userRegister(register: number): bigint | undefined {
    return this.#register(TAIL.REGS_USER, this.#layout?.userRegisters[register]);
  }

  /** As {@link userRegistersAbi}, for the registers at the moment of the sample. */
  get interruptRegistersAbi(): number {
    const at = this.#tailAt(TAIL.REGS_INTR);
    return at < 0 ? 0 : this.memory.u32[at >> 2]!;
  }

  /** One of the registers at the moment of the sample. */
  interruptRegister(register: number): bigint | undefined {
    return this.#register(TAIL.REGS_INTR, this.#layout?.interruptRegisters[register]);
  }

  /** A view of the valid bytes of the user stack, from the stack pointer upwards. */
  get userStack(): Uint8Array | undefined {
    return this.#sized(TAIL.STACK_USER);
  }

  /** Cost of the access: 64 bits of `PERF_SAMPLE_WEIGHT`, or all parts of `PERF_SAMPLE_WEIGHT_STRUCT`. */
  get weight(): bigint | undefined {
    return this.#tailWord(TAIL.WEIGHT);
  }

  get weightParts(): WeightParts | undefined {
    const at = this.#tailAt(TAIL.WEIGHT);
    if (at < 0) return undefined;
    const { u16, u32 } = this.memory;
    return { var1: u32[at >> 2]!, var2: u16[(at >> 1) + 2]!, var3: u16[(at >> 1) + 3]! };
  }

  /** `union perf_mem_data_src`; `decodeDataSource` takes it apart. */
  get dataSource(): bigint | undefined {
    return this.#tailWord(TAIL.DATA_SRC);
  }

  /** Why a hardware transaction aborted (`PERF_TXN_*`). */
  get transaction(): bigint | undefined {
    return this.#tailWord(TAIL.TRANSACTION);
  }

  get physicalAddress(): bigint | undefined {
    return this.#tailWord(TAIL.PHYS_ADDR);
  }

  /** Bytes. */
  get dataPageSize(): bigint | undefined {
    return this.#tailWord(TAIL.DATA_PAGE_SIZE);
  }

  /** Bytes. */
  get codePageSize(): bigint | undefined {
    return this.#tailWord(TAIL.CODE_PAGE_SIZE);
  }

  /** A view of the snapshot of the AUX area. */
  get aux(): Uint8Array | undefined {
    return this.#sized(TAIL.AUX);
  }

  get #layout(): SampleLayout | undefined {
    return this.#layoutOf(this.event);
  }

  #header(offset: number): number {
    return this.memory.u32[(this.memory.start - RECORD_HEADER_SIZE + offset) >> 2]!;
  }

  get #headStart(): number {
    return this.memory.start + ((this.memory.size + 7) & ~7);
  }

  get #headEnd(): number {
    return this.#headStart + this.#header(RecordOffset.HEAD_SIZE);
  }

  #fixed(offset: number | undefined): bigint | undefined {
    if (offset === undefined || offset < 0) return undefined;
    const at = this.#headStart + offset;
    return at + 8 > this.#headEnd ? undefined : this.memory.bigint(at);
  }

  #readAt(layout: SampleLayout | undefined): number {
    return this.#headStart + (layout?.fixedHead ?? 0);
  }

  /** Bytes of the counter values at `at`; 0 where there are none. */
  #readSize(layout: SampleLayout | undefined, at: number): number {
    if (layout === undefined || (layout.sampleType & SampleFormat.READ) === 0) return 0;
    const entry = readEntrySize(layout.readFormat);
    const times = readTimesSize(layout.readFormat);
    if ((layout.readFormat & ReadFormat.GROUP) === 0) return at + times + entry > this.#headEnd ? 0 : times + entry;
    const count = this.#count(at, this.#headEnd - times, entry);
    return count < 0 ? 0 : 8 + times + count * entry;
  }

  /** The u64 count at `at` if so many entries of `size` bytes behind it end before `end`; else −1. */
  #count(at: number, end: number, size: number): number {
    if (at + 8 > end) return -1;
    const count = Number(this.memory.unsigned64(at));
    return count * size <= end - at - 8 ? count : -1;
  }

  #branch(at: number, counters: bigint | undefined): BranchEntry {
    const flags = this.memory.bigint(at + 16);
    const low = Number(flags & 0xffff_ffffn);
    return {
      from: this.memory.bigint(at),
      to: this.memory.bigint(at + 8),
      flags,
      mispredicted: (low & 1) !== 0,
      predicted: (low & 2) !== 0,
      inTransaction: (low & 4) !== 0,
      abort: (low & 8) !== 0,
      cycles: (low >>> 4) & 0xffff,
      type: (low >>> 20) & 0xf,
      counters,
    };
  }

  #register(field: number, place: number | undefined): bigint | undefined {
    const at = this.#tailAt(field);
    if (at < 0 || place === undefined || place < 0 || this.memory.u32[at >> 2] === 0) return undefined;
    return this.memory.bigint(at + 8 + 8 * place);
  }

  #tailWord(field: number): bigint | undefined {
    const at = this.#tailAt(field);
    return at < 0 ? undefined : this.memory.bigint(at);
  }

  #sized(field: number): Uint8Array | undefined {
    const at = this.#tailAt(field);
    if (at < 0) return undefined;
    return this.memory.u8.subarray(at + 8, at + 8 + this.memory.u32[at >> 2]!);
  }

  #tailAt(field: number): number {
    if (this.#walked !== this.memory.sequence) this.#walk();
    return this.#tail[field]!;
  }

  /** Finds the tail's fields; what does not end within the tail is not there, nor is anything after it. */
  #walk(): void {
    this.#walked = this.memory.sequence;
    this.#tail.fill(-1);
    const layout = this.#layout;
    if (layout === undefined) return;
    const end = this.#headEnd + this.#header(RecordOffset.TAIL_SIZE);
    let at = this.#headEnd;
    const step = (bit: number, field: number, sizeAt: (at: number) => number): boolean => {
      if ((layout.sampleType & bit) === 0) return true;
      const size = at + 8 > end ? -1 : sizeAt(at);
      if (size < 0 || at + size > end) return false;
      if (field >= 0) this.#tail[field] = at;
      at += size;
      return true;
    };
    const word = () => 8;
    const registers = (places: Int8Array) => {
      const count = places.reduce((most, place) => Math.max(most, place + 1), 0);
      return (start: number) => (this.memory.u32[start >> 2] === 0 ? 8 : 8 + 8 * count);
    };
    const sized = (start: number) => {
      const count = this.#count(start, end, 1);
      return count < 0 ? -1 : 8 + ((count + 7) & ~7);
    };
    const branches = (start: number) => {
      const before = layout.branchHwIndex ? 8 : 0;
      const size = layout.branchCounters ? 32 : 24;
      const count = this.#count(start, end - before, size);
      return count < 0 ? -1 : 8 + before + size * count;
    };
    void (
      step(SampleFormat.BRANCH_STACK, TAIL.BRANCH_STACK, branches) &&
      step(SampleFormat.REGS_USER, TAIL.REGS_USER, registers(layout.userRegisters)) &&
      step(SampleFormat.STACK_USER, TAIL.STACK_USER, sized) &&
      step(SampleFormat.WEIGHT | SampleFormat.WEIGHT_STRUCT, TAIL.WEIGHT, word) &&
      step(SampleFormat.DATA_SRC, TAIL.DATA_SRC, word) &&
      step(SampleFormat.TRANSACTION, TAIL.TRANSACTION, word) &&
      step(SampleFormat.REGS_INTR, TAIL.REGS_INTR, registers(layout.interruptRegisters)) &&
      step(SampleFormat.PHYS_ADDR, TAIL.PHYS_ADDR, word) &&
      step(SampleFormat.CGROUP, -1, word) &&
      step(SampleFormat.DATA_PAGE_SIZE, TAIL.DATA_PAGE_SIZE, word) &&
      step(SampleFormat.CODE_PAGE_SIZE, TAIL.CODE_PAGE_SIZE, word) &&
      step(SampleFormat.AUX, TAIL.AUX, sized)
    );
  }
}

function counter(take: (present: number) => bigint | undefined, format: number): ReadValues["counters"][number] {
  return { value: take(1) ?? 0n, id: take(format & ReadFormat.ID), lost: take(format & ReadFormat.LOST) };
}
