/** One `struct perf_event_attr` (perf_event_open(2)); what is left out is 0. 64-bit fields take numbers up to 2^53. */
export interface EventAttr {
  type: number;
  config: number | bigint;
  /** Sample after so many events; excludes {@link EventAttr.sampleFrequency}. */
  samplePeriod?: number | bigint;
  /** Sample so many times a second. */
  sampleFrequency?: number;
  /** Bits of `SampleFormat`. */
  sampleType?: number;
  /** Bits of `ReadFormat`. */
  readFormat?: number;
  flags?: Readonly<Partial<Record<AttrFlag, boolean>>>;
  /** 0 … 3, see `precise_ip` in perf_event_open(2). */
  preciseIp?: number;
  /** Wake the reader after so many samples; excludes {@link EventAttr.wakeupWatermark}. */
  wakeupEvents?: number;
  /** Wake the reader when so many bytes are in the ring. */
  wakeupWatermark?: number;
  /** Bits of `BreakpointType`. */
  breakpointType?: number;
  /** `bp_addr`, `kprobe_func`, `uprobe_path` or a PMU's second configuration word. */
  config1?: number | bigint;
  /** `bp_len`, `kprobe_addr`, `probe_offset` or a PMU's third configuration word. */
  config2?: number | bigint;
  config3?: number | bigint;
  branchSampleType?: number | bigint;
  /** Bit mask of registers, numbered as in asm/perf_regs.h. */
  sampleRegsUser?: number | bigint;
  /** Bytes of user stack in each sample: a multiple of 8 below 65,536. */
  sampleStackUser?: number;
  /** A clock of clock_gettime(2); sets `use_clockid`. */
  clockId?: number;
  sampleRegsIntr?: number | bigint;
  auxWatermark?: number;
  /** Frames in a call chain at most; 0: `kernel.perf_event_max_stack`. */
  sampleMaxStack?: number;
  auxSampleSize?: number;
  sigData?: number | bigint;
}

/** Bytes of `struct perf_event_attr`, version 8 (6.3). Older kernels take it as long as what they do not know is 0. */
export const ATTR_SIZE = 136;

/** The bits of `perf_event_attr`'s bit-field, by position. `freq` and `use_clockid` follow from other fields. */
const flagBits = {
  disabled: 0,
  inherit: 1,
  pinned: 2,
  exclusive: 3,
  excludeUser: 4,
  excludeKernel: 5,
  excludeHypervisor: 6,
  excludeIdle: 7,
  mmap: 8,
  comm: 9,
  inheritStat: 11,
  enableOnExec: 12,
  task: 13,
  mmapData: 17,
  sampleIdAll: 18,
  excludeHost: 19,
  excludeGuest: 20,
  excludeCallchainKernel: 21,
  excludeCallchainUser: 22,
  mmap2: 23,
  commExec: 24,
  contextSwitch: 26,
  writeBackward: 27,
  namespaces: 28,
  ksymbol: 29,
  bpfEvent: 30,
  auxOutput: 31,
  cgroup: 32,
  textPoke: 33,
  buildId: 34,
  inheritThread: 35,
  removeOnExec: 36,
  sigtrap: 37,
} as const;

/** Names of `perf_event_attr`'s one-bit fields. */
export type AttrFlag = keyof typeof flagBits;

const FREQ_BIT = 10;
const WATERMARK_BIT = 14;
const PRECISE_IP_SHIFT = 15n;
const USE_CLOCKID_BIT = 25;

/** Packs `attr` as the kernel reads it. This is the one place that knows the struct's layout. */
export function packAttr(attr: EventAttr): Uint8Array {
  const bytes = new Uint8Array(ATTR_SIZE);
  const view = new DataView(bytes.buffer);
  const u32 = (offset: number, value: number | undefined) => view.setUint32(offset, value ?? 0, true);
  const u64 = (offset: number, value: number | bigint | undefined) =>
    view.setBigUint64(offset, BigInt.asUintN(64, BigInt(value ?? 0)), true);
  u32(0, attr.type);
  u32(4, ATTR_SIZE);
  u64(8, attr.config);
  u64(16, attr.sampleFrequency ?? attr.samplePeriod);
  u64(24, attr.sampleType);
  u64(32, attr.readFormat);
  u64(40, packFlags(attr));
  u32(48, attr.wakeupWatermark ?? attr.wakeupEvents);
  u32(52, attr.breakpointType);
  u64(56, attr.config1);
  u64(64, attr.config2);
  u64(72, attr.branchSampleType);
  u64(80, attr.sampleRegsUser);
  u32(88, attr.sampleStackUser);
  view.setInt32(92, attr.clockId ?? 0, true);
  u64(96, attr.sampleRegsIntr);
  u32(104, attr.auxWatermark);
  view.setUint16(108, attr.sampleMaxStack ?? 0, true);
  u32(112, attr.auxSampleSize);
  u64(120, attr.sigData);
  u64(128, attr.config3);
  return bytes;
}

function packFlags(attr: EventAttr): bigint {
  let flags = BigInt(attr.preciseIp ?? 0) << PRECISE_IP_SHIFT;
  const set = (bit: number) => {
    flags |= 1n << BigInt(bit);
  };
  for (const [name, on] of Object.entries(attr.flags ?? {})) if (on) set(flagBits[name as AttrFlag]);
  if (attr.sampleFrequency !== undefined) set(FREQ_BIT);
  if (attr.wakeupWatermark !== undefined) set(WATERMARK_BIT);
  if (attr.clockId !== undefined) set(USE_CLOCKID_BIT);
  return flags;
}
