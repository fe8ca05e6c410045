import { type EventAttr, PerfType, RecordType, SoftwareEvent } from "@kernscope/perf-native";
import { checkAttr } from "./check-attr.js";
import type { RegistrationOptions } from "./monitor-options.js";
import type { RawMemory } from "./raw-memory.js";
import type { EventRecord } from "./record.js";

/** A task was made, or ended (PERF_RECORD_FORK, PERF_RECORD_EXIT). `pid`, `tid`: its own; a thread has its process's pid. */
export interface TaskRecord<K extends "fork" | "exit" = "fork" | "exit"> {
  readonly kind: K;
  readonly pid: number;
  readonly tid: number;
  /** Of the task that made it; of one that ends: its parent. */
  readonly parentPid: number;
  readonly parentTid: number;
}

/** A task has another name (PERF_RECORD_COMM). */
export interface CommRecord {
  readonly kind: "comm";
  readonly pid: number;
  readonly tid: number;
  readonly comm: string;
  /** It has it because it executes another program. */
  readonly exec: boolean;
}

/** A process maps a file or anonymous memory (PERF_RECORD_MMAP2). */
export interface MmapRecord {
  readonly kind: "mmap";
  readonly pid: number;
  readonly tid: number;
  readonly address: bigint;
  /** Bytes. */
  readonly length: bigint;
  /** Bytes from the file's start. */
  readonly offset: bigint;
  /** Of the file; `undefined` where its build id is told instead. */
  readonly device: { readonly major: number; readonly minor: number; readonly inode: bigint } | undefined;
  /** Hexadecimal digits (`attr.flags.buildId`, Linux 5.12). */
  readonly buildId: string | undefined;
  /** `PROT_*` */
  readonly protection: number;
  /** `MAP_*` */
  readonly flags: number;
  /** A path, or a name such as `[heap]` and `//anon`. */
  readonly filename: string;
}

/** A cgroup was made (PERF_RECORD_CGROUP, Linux 5.7). */
export interface CgroupRecord {
  readonly kind: "cgroup";
  readonly id: bigint;
  readonly path: string;
}

/** A task is in other namespaces than before (PERF_RECORD_NAMESPACES). */
export interface NamespacesRecord {
  readonly kind: "namespaces";
  readonly pid: number;
  readonly tid: number;
  /** By the kernel's order: net, uts, ipc, pid, user, mnt, cgroup. */
  readonly namespaces: readonly { readonly name: string; readonly device: bigint; readonly inode: bigint }[];
}

/** A CPU turns from one task to another (PERF_RECORD_SWITCH_CPU_WIDE, or PERF_RECORD_SWITCH of a watched task). */
export interface SwitchRecord {
  readonly kind: "switch";
  /** The record's task leaves the CPU; else it gets it. */
  readonly out: boolean;
  /** It leaves though it could go on. */
  readonly preempted: boolean;
  /** The task that comes, or went; `undefined` where single tasks are watched. */
  readonly otherPid: number | undefined;
  readonly otherTid: number | undefined;
}

/** What is told of each kind. */
export interface SideBandRecords {
  fork: TaskRecord<"fork">;
  exit: TaskRecord<"exit">;
  comm: CommRecord;
  mmap: MmapRecord;
  cgroup: CgroupRecord;
  namespaces: NamespacesRecord;
  switch: SwitchRecord;
}

export type SideBandKind = keyof SideBandRecords;
export type SideBandData<K extends SideBandKind = SideBandKind> = SideBandRecords[K];

/** `data` may be kept, `record` is a cursor. */
export type SideBandHandler<K extends SideBandKind = SideBandKind> = (
  record: EventRecord,
  data: SideBandData<K>,
) => void;

export interface SideBandOptions extends Omit<RegistrationOptions, "filter" | "completeStack" | "sample"> {}

/** The attributes of an event that has the kernel write records of these kinds. It never fires itself. */
export function sideBandAttr(kinds: readonly SideBandKind[], { attr }: SideBandOptions): EventAttr {
  const has = (...wanted: SideBandKind[]) => wanted.some((kind) => kinds.includes(kind));
  const flags = {
    // The kernel writes of cgroups only where it also writes of something else.
    task: has("fork", "exit", "cgroup"),
    comm: has("comm"),
    commExec: has("comm"),
    mmap: has("mmap"),
    mmap2: has("mmap"),
    cgroup: has("cgroup"),
    namespaces: has("namespaces"),
    contextSwitch: has("switch"),
  };
  const own = { samplePeriod: 1, ...attr, type: PerfType.SOFTWARE, config: SoftwareEvent.DUMMY };
  return checkAttr({ ...own, flags: { ...flags, ...attr?.flags } }, kinds.join());
}

/** The kind of a record by its type; `undefined` for those that are no side-band records or not decoded here. */
export function sideBandKind(type: number): SideBandKind | undefined {
  return kinds.get(type);
}

/**
 * Decodes the side-band record that `memory` stands on (perf_event_open(2)); `undefined` where it is too short.
 *
 * @param misc `perf_event_header.misc`
 */
export function decodeSideBand(memory: RawMemory, type: number, misc: number): SideBandData | undefined {
  if (memory.size < (sizes.get(type) ?? 0)) return undefined;
  const { start, size, view } = memory;
  const u32 = (offset: number) => view.getUint32(start + offset, true);
  const u64 = (offset: number) => view.getBigUint64(start + offset, true);
  const text = (offset: number) => {
    const length = memory.u8.subarray(start + offset, start + size).indexOf(0);
    return memory.bytes.utf8Slice(start + offset, length < 0 ? start + size : start + offset + length);
  };
  const id = (offset: number) => view.getInt32(start + offset, true);
  switch (type) {
    case RecordType.FORK:
      return { kind: "fork", pid: id(0), parentPid: id(4), tid: id(8), parentTid: id(12) };
    case RecordType.EXIT:
      return { kind: "exit", pid: id(0), parentPid: id(4), tid: id(8), parentTid: id(12) };
    case RecordType.COMM:
      return { kind: "comm", pid: id(0), tid: id(4), comm: text(8), exec: (misc & MISC_FIRST) !== 0 };
    case RecordType.MMAP2: {
      const withBuildId = (misc & MISC_SECOND) !== 0;
      const idSize = Math.min(view.getUint8(start + 32), 20);
      return {
        kind: "mmap",
        pid: id(0),
        tid: id(4),
        address: u64(8),
        length: u64(16),
        offset: u64(24),
        device: withBuildId ? undefined : { major: u32(32), minor: u32(36), inode: u64(40) },
        buildId: withBuildId ? memory.bytes.toString("hex", start + 36, start + 36 + idSize) : undefined,
        protection: u32(56),
        flags: u32(60),
        filename: text(64),
      };
    }
    case RecordType.CGROUP:
      return { kind: "cgroup", id: u64(0), path: text(8) };
    case RecordType.NAMESPACES: {
      const count = Number(u64(8));
      if (16 + 16 * count > size) return undefined;
      const namespaces = Array.from({ length: count }, (_, index) => ({
        name: namespaceNames[index] ?? String(index),
        device: u64(16 + 16 * index),
        inode: u64(24 + 16 * index),
      }));
      return { kind: "namespaces", pid: id(0), tid: id(4), namespaces };
    }
    case RecordType.SWITCH:
    case RecordType.SWITCH_CPU_WIDE: {
      const wide = type === RecordType.SWITCH_CPU_WIDE;
      return {
        kind: "switch",
        out: (misc & MISC_FIRST) !== 0,
        preempted: (misc & MISC_SECOND) !== 0,
        otherPid: wide ? id(0) : undefined,
        otherTid: wide ? id(4) : undefined,
      };
    }
  }
  return undefined;
}

/** Bits of `misc` whose meaning is the record type's: `COMM_EXEC`, `SWITCH_OUT`; `MMAP_BUILD_ID`, `SWITCH_OUT_PREEMPT`. */
const MISC_FIRST = 1 << 13;
const MISC_SECOND = 1 << 14;

const kinds = new Map<number, SideBandKind>([
  [RecordType.FORK, "fork"],
  [RecordType.EXIT, "exit"],
  [RecordType.COMM, "comm"],
  [RecordType.MMAP2, "mmap"],
  [RecordType.CGROUP, "cgroup"],
  [RecordType.NAMESPACES, "namespaces"],
  [RecordType.SWITCH, "switch"],
  [RecordType.SWITCH_CPU_WIDE, "switch"],
]);

const namespaceNames = ["net", "uts", "ipc", "pid", "user", "mnt", "cgroup"] as const;

/** Bytes that the fixed part of each has. */
const sizes = new Map<number, number>([
  [RecordType.FORK, 24],
  [RecordType.EXIT, 24],
  [RecordType.COMM, 8],
  [RecordType.MMAP2, 64],
  [RecordType.CGROUP, 8],
  [RecordType.NAMESPACES, 16],
  [RecordType.SWITCH, 0],
  [RecordType.SWITCH_CPU_WIDE, 8],
]);
