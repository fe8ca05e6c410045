import { SampleFormat } from "@kernscope/perf-native";
import { countAt, type RawMemory } from "./raw-memory.js";
import type { SampleLayout } from "./sample-layout.js";

/** Fields behind the raw data, in the kernel's order. CGROUP is in the record's header. */
export const TailField = {
  BRANCH_STACK: 0,
  REGS_USER: 1,
  STACK_USER: 2,
  WEIGHT: 3,
  DATA_SRC: 4,
  TRANSACTION: 5,
  REGS_INTR: 6,
  PHYS_ADDR: 7,
  CGROUP: 8,
  DATA_PAGE_SIZE: 9,
  CODE_PAGE_SIZE: 10,
  AUX: 11,
} as const;

const bits = [
  SampleFormat.BRANCH_STACK,
  SampleFormat.REGS_USER,
  SampleFormat.STACK_USER,
  SampleFormat.WEIGHT | SampleFormat.WEIGHT_STRUCT,
  SampleFormat.DATA_SRC,
  SampleFormat.TRANSACTION,
  SampleFormat.REGS_INTR,
  SampleFormat.PHYS_ADDR,
  SampleFormat.CGROUP,
  SampleFormat.DATA_PAGE_SIZE,
  SampleFormat.CODE_PAGE_SIZE,
  SampleFormat.AUX,
];

/** Finds the fields behind the raw data, whose places depend on what is before them; once a record. */
export class SampleTail {
  readonly #memory: RawMemory;
  readonly #places = new Int32Array(bits.length);
  #sequence: number | undefined;

  constructor(memory: RawMemory) {
    this.#memory = memory;
  }

  /** Byte offset of `field` in the memory, where the tail is from `start` to `end`; −1 where it is not there. */
  find(field: number, layout: SampleLayout | undefined, start: number, end: number): number {
    if (this.#sequence !== this.#memory.sequence) {
      this.#sequence = this.#memory.sequence;
      this.#places.fill(-1);
      if (layout !== undefined) this.#walk(layout, start, end);
    }
    return this.#places[field]!;
  }

  /** A field that does not end within the tail is not there, nor is anything after it. */
  #walk(layout: SampleLayout, start: number, end: number): void {
    let at = start;
    for (let field = 0; field < bits.length; field++) {
      if ((layout.sampleType & bits[field]!) === 0) continue;
      const size = at + 8 > end ? -1 : this.#size(field, layout, at, end);
      if (size < 0 || at + size > end) return;
      this.#places[field] = at;
      at += size;
    }
  }

  /** Bytes of the field at `at`; −1 where they cannot be right. */
  #size(field: number, layout: SampleLayout, at: number, end: number): number {
    const memory = this.#memory;
    switch (field) {
      case TailField.BRANCH_STACK: {
        const before = layout.branchHwIndex ? 16 : 8;
        const entry = layout.branchCounters ? 32 : 24;
        const count = countAt(memory, at, end - before + 8, entry);
        return count < 0 ? -1 : before + entry * count;
      }
      case TailField.REGS_USER:
        return memory.u32[at >> 2] === 0 ? 8 : 8 + 8 * layout.userRegisterCount;
      case TailField.REGS_INTR:
        return memory.u32[at >> 2] === 0 ? 8 : 8 + 8 * layout.interruptRegisterCount;
      case TailField.STACK_USER:
      case TailField.AUX: {
        const count = countAt(memory, at, end, 1);
        return count < 0 ? -1 : 8 + ((count + 7) & ~7);
      }
      default:
        return 8;
    }
  }
}
