import { RECORD_HEADER_SIZE, RecordOffset, SampleFormat } from "@kernscope/perf-native";
import { type BranchStack, decodeBranchStack } from "./branch-stack.js";
import { countAt, type RawMemory } from "./raw-memory.js";
import { decodeReadValues, type ReadValues, readValuesSize } from "./read-values.js";
import { EventRecord } from "./record.js";
import type { SampleLayout } from "./sample-layout.js";
import { SampleTail, TailField } from "./sample-tail.js";

/** The parts of `PERF_SAMPLE_WEIGHT_STRUCT`; their meaning is the processor's. */
export interface WeightParts {
  /** 32 bits. */
  var1: number;
  /** 16 bits. */
  var2: number;
  /** 16 bits. */
  var3: number;
}

/**
 * A sample: the header of {@link EventRecord} and every field of perf_event_open(2)'s sample layout, decoded when it is
 * read and `undefined` where the event does not sample it. Views (`raw`, `callchain`, `userStack`, `aux`) are valid
 * during the handler's call only.
 */
export class SampleRecord extends EventRecord {
  readonly #layoutOf: (event: number) => SampleLayout | undefined;
  readonly #tail: SampleTail;

  constructor(memory: RawMemory, origin: bigint, layoutOf: (event: number) => SampleLayout | undefined) {
    super(memory, origin);
    this.#layoutOf = layoutOf;
    this.#tail = new SampleTail(memory);
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

  /** Counter values: of the event, or of its counter group. */
  get values(): ReadValues | undefined {
    const layout = this.#layout;
    if (layout === undefined || (layout.sampleType & SampleFormat.READ) === 0) return undefined;
    return decodeReadValues(this.memory, layout.readFormat, this.#fixedEnd(layout), this.#headEnd);
  }

  /**
   * A view of the call chain's addresses, innermost first, with the kernel's context marks (`CallchainContext`) among
   * them.
   */
  get callchain(): BigUint64Array | undefined {
    const layout = this.#layout;
    if (layout === undefined || (layout.sampleType & SampleFormat.CALLCHAIN) === 0) return undefined;
    let at = this.#fixedEnd(layout);
    if (layout.sampleType & SampleFormat.READ) {
      const size = readValuesSize(this.memory, layout.readFormat, at, this.#headEnd);
      if (size < 0) return undefined;
      at += size;
    }
    const count = countAt(this.memory, at, this.#headEnd, 8);
    return count < 0 ? undefined : new BigUint64Array(this.memory.u8.buffer as ArrayBuffer, at + 8, count);
  }

  /** The branches taken before the sample. */
  get branchStack(): BranchStack | undefined {
    const layout = this.#layout;
    const at = this.#tailAt(TailField.BRANCH_STACK);
    return at < 0 || layout === undefined ? undefined : decodeBranchStack(this.memory, layout, at);
  }

  /** 0: no user registers (a kernel thread, or not sampled); 1: those of a 32-bit task; 2: of a 64-bit one. */
  get userRegistersAbi(): number {
    const at = this.#tailAt(TailField.REGS_USER);
    return at < 0 ? 0 : this.memory.u32[at >> 2]!;
  }

  /** One of the registers (`UserRegister`, asm/perf_regs.h) that the task had in user space. */
  userRegister(register: number): bigint | undefined {
    return this.#register(TailField.REGS_USER, this.#layout?.userRegisters[register]);
  }

  /** As {@link userRegistersAbi}, for the registers at the moment of the sample. */
  get interruptRegistersAbi(): number {
    const at = this.#tailAt(TailField.REGS_INTR);
    return at < 0 ? 0 : this.memory.u32[at >> 2]!;
  }

  /** One of the registers at the moment of the sample. */
  interruptRegister(register: number): bigint | undefined {
    return this.#register(TailField.REGS_INTR, this.#layout?.interruptRegisters[register]);
  }

  /** A view of the valid bytes of the user stack, from the stack pointer upwards. */
  get userStack(): Uint8Array | undefined {
    return this.#sized(TailField.STACK_USER);
  }

  /** Cost of the access: 64 bits of `PERF_SAMPLE_WEIGHT`, or all parts of `PERF_SAMPLE_WEIGHT_STRUCT`. */
  get weight(): bigint | undefined {
    return this.#tailWord(TailField.WEIGHT);
  }

  get weightParts(): WeightParts | undefined {
    const at = this.#tailAt(TailField.WEIGHT);
    if (at < 0) return undefined;
    const { u16, u32 } = this.memory;
    return { var1: u32[at >> 2]!, var2: u16[(at >> 1) + 2]!, var3: u16[(at >> 1) + 3]! };
  }

  /** `union perf_mem_data_src`; `decodeDataSource` takes it apart. */
  get dataSource(): bigint | undefined {
    return this.#tailWord(TailField.DATA_SRC);
  }

  /** Why a hardware transaction aborted (`PERF_TXN_*`). */
  get transaction(): bigint | undefined {
    return this.#tailWord(TailField.TRANSACTION);
  }

  get physicalAddress(): bigint | undefined {
    return this.#tailWord(TailField.PHYS_ADDR);
  }

  /** Bytes. */
  get dataPageSize(): bigint | undefined {
    return this.#tailWord(TailField.DATA_PAGE_SIZE);
  }

  /** Bytes. */
  get codePageSize(): bigint | undefined {
    return this.#tailWord(TailField.CODE_PAGE_SIZE);
  }

  /** A view of the snapshot of the AUX area. */
  get aux(): Uint8Array | undefined {
    return this.#sized(TailField.AUX);
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

  /** Where the fields of fixed place end in the memory. */
  #fixedEnd(layout: SampleLayout): number {
    return this.#headStart + layout.fixedHead;
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

  /** Byte offset of a field of the tail; −1 where it is not there. */
  #tailAt(field: number): number {
    const start = this.#headEnd;
    return this.#tail.find(field, this.#layout, start, start + this.#header(RecordOffset.TAIL_SIZE));
  }
}
