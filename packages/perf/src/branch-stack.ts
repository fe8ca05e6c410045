import type { RawMemory } from "./raw-memory.js";
import type { SampleLayout } from "./sample-layout.js";

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

/** What the kernel writes where the hardware does not say. */
const UNKNOWN_INDEX = 0xffff_ffff_ffff_ffffn;
const ENTRY = 24;

/** Decodes the branch stack at byte offset `at`, which was checked to end within the memory. */
export function decodeBranchStack(memory: RawMemory, layout: SampleLayout, at: number): BranchStack {
  const count = memory.u32[at >> 2]!;
  const index = layout.branchHwIndex ? memory.bigint(at + 8) : UNKNOWN_INDEX;
  const first = at + (layout.branchHwIndex ? 16 : 8);
  const counters = first + ENTRY * count;
  return {
    hardwareIndex: index === UNKNOWN_INDEX ? undefined : index,
    entries: Array.from({ length: count }, (_, number) => ({
      ...decodeEntry(memory, first + ENTRY * number),
      counters: layout.branchCounters ? memory.bigint(counters + 8 * number) : undefined,
    })),
  };
}

function decodeEntry(memory: RawMemory, at: number): Omit<BranchEntry, "counters"> {
  const low = memory.u32[(at + 16) >> 2]!;
  return {
    from: memory.bigint(at),
    to: memory.bigint(at + 8),
    flags: memory.bigint(at + 16),
    mispredicted: (low & 1) !== 0,
    predicted: (low & 2) !== 0,
    inTransaction: (low & 4) !== 0,
    abort: (low & 8) !== 0,
    cycles: (low >>> 4) & 0xffff,
    type: (low >>> 20) & 0xf,
  };
}
