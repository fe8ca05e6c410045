/** Numbers of include/uapi/linux/perf_event.h, under the kernel's names without their prefixes. */

/** `perf_event_attr.type`; numbers above 5 are dynamic PMUs (`/sys/bus/event_source/devices/NAME/type`). */
export const PerfType = { HARDWARE: 0, SOFTWARE: 1, TRACEPOINT: 2, HW_CACHE: 3, RAW: 4, BREAKPOINT: 5 } as const;

/** `perf_event_attr.config` of {@link PerfType}`.SOFTWARE`. */
export const SoftwareEvent = {
  CPU_CLOCK: 0,
  TASK_CLOCK: 1,
  PAGE_FAULTS: 2,
  CONTEXT_SWITCHES: 3,
  CPU_MIGRATIONS: 4,
  PAGE_FAULTS_MIN: 5,
  PAGE_FAULTS_MAJ: 6,
  ALIGNMENT_FAULTS: 7,
  EMULATION_FAULTS: 8,
  DUMMY: 9,
  BPF_OUTPUT: 10,
  CGROUP_SWITCHES: 11,
} as const;

/** `perf_event_attr.config` of {@link PerfType}`.HARDWARE`. */
export const HardwareEvent = {
  CPU_CYCLES: 0,
  INSTRUCTIONS: 1,
  CACHE_REFERENCES: 2,
  CACHE_MISSES: 3,
  BRANCH_INSTRUCTIONS: 4,
  BRANCH_MISSES: 5,
  BUS_CYCLES: 6,
  STALLED_CYCLES_FRONTEND: 7,
  STALLED_CYCLES_BACKEND: 8,
  REF_CPU_CYCLES: 9,
} as const;

/** Bits of `perf_event_attr.sample_type`. */
export const SampleFormat = {
  IP: 0x1,
  TID: 0x2,
  TIME: 0x4,
  ADDR: 0x8,
  READ: 0x10,
  CALLCHAIN: 0x20,
  ID: 0x40,
  CPU: 0x80,
  PERIOD: 0x100,
  STREAM_ID: 0x200,
  RAW: 0x400,
  BRANCH_STACK: 0x800,
  REGS_USER: 0x1000,
  STACK_USER: 0x2000,
  WEIGHT: 0x4000,
  DATA_SRC: 0x8000,
  IDENTIFIER: 0x1_0000,
  TRANSACTION: 0x2_0000,
  REGS_INTR: 0x4_0000,
  PHYS_ADDR: 0x8_0000,
  AUX: 0x10_0000,
  CGROUP: 0x20_0000,
  DATA_PAGE_SIZE: 0x40_0000,
  CODE_PAGE_SIZE: 0x80_0000,
  WEIGHT_STRUCT: 0x100_0000,
} as const;

/** Bits of `perf_event_attr.read_format`. */
export const ReadFormat = { TOTAL_TIME_ENABLED: 1, TOTAL_TIME_RUNNING: 2, ID: 4, GROUP: 8, LOST: 16 } as const;

/** `perf_event_header.type`. */
export const RecordType = {
  MMAP: 1,
  LOST: 2,
  COMM: 3,
  EXIT: 4,
  THROTTLE: 5,
  UNTHROTTLE: 6,
  FORK: 7,
  READ: 8,
  SAMPLE: 9,
  MMAP2: 10,
  AUX: 11,
  ITRACE_START: 12,
  LOST_SAMPLES: 13,
  SWITCH: 14,
  SWITCH_CPU_WIDE: 15,
  NAMESPACES: 16,
  KSYMBOL: 17,
  BPF_EVENT: 18,
  CGROUP: 19,
  TEXT_POKE: 20,
  AUX_OUTPUT_HW_ID: 21,
} as const;

/** Flags of perf_event_open(2). */
export const OpenFlag = { FD_NO_GROUP: 1, FD_OUTPUT: 2, PID_CGROUP: 4, FD_CLOEXEC: 8 } as const;

/** Bits of `perf_event_attr.bp_type` (include/uapi/linux/hw_breakpoint.h). */
export const BreakpointType = { READ: 1, WRITE: 2, EXECUTE: 4 } as const;

/** Clocks of clock_gettime(2). */
export const Clock = { REALTIME: 0, MONOTONIC: 1, MONOTONIC_RAW: 4, BOOTTIME: 7 } as const;
