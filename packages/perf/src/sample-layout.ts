import { type EventAttr, ReadFormat, SampleFormat } from "@kernscope/perf-native";

/** Where a sample's fields lie, as far as the event's attributes tell (perf_event_open(2), PERF_RECORD_SAMPLE). */
export interface SampleLayout {
  /** Bits of `SampleFormat`, with those that the source adds and are in the head. */
  readonly sampleType: number;
  /** Bits of `ReadFormat`. */
  readonly readFormat: number;
  readonly branchHwIndex: boolean;
  readonly branchCounters: boolean;
  /** Register number → its place among the sampled ones, −1 for those that are not. */
  readonly userRegisters: Int8Array;
  readonly interruptRegisters: Int8Array;
  readonly userRegisterCount: number;
  readonly interruptRegisterCount: number;
  /** Byte offsets into the head, −1 for what is not sampled. */
  readonly ip: number;
  readonly addr: number;
  readonly streamId: number;
  readonly period: number;
  /** Where the fields of fixed place end. */
  readonly fixedHead: number;
}

const PERF_SAMPLE_BRANCH_HW_INDEX = 1n << 17n;
const PERF_SAMPLE_BRANCH_COUNTERS = 1n << 19n;

/** What a record source adds to every event's sample type, beside IDENTIFIER, which is in the record's header only. */
const SOURCE_SAMPLE_TYPE = SampleFormat.TID | SampleFormat.TIME | SampleFormat.CPU;
/** What a record source adds to every event's read format, and LOST where the kernel has it. */
const SOURCE_READ_FORMAT = ReadFormat.TOTAL_TIME_ENABLED | ReadFormat.TOTAL_TIME_RUNNING | ReadFormat.ID;

/** @param countsLost whether the record source has `countsLost` */
export function createSampleLayout(attr: EventAttr, countsLost: boolean): SampleLayout {
  const sampleType = (attr.sampleType ?? 0) | SOURCE_SAMPLE_TYPE;
  const branches = BigInt(attr.branchSampleType ?? 0);
  const user = registerPlaces(attr.sampleRegsUser);
  const interrupt = registerPlaces(attr.sampleRegsIntr);
  let fixedHead = 0;
  const place = (bit: number): number => {
    if ((sampleType & bit) === 0) return -1;
    fixedHead += 8;
    return fixedHead - 8;
  };
  const ip = place(SampleFormat.IP);
  place(SampleFormat.TID);
  place(SampleFormat.TIME);
  const addr = place(SampleFormat.ADDR);
  place(SampleFormat.ID);
  const streamId = place(SampleFormat.STREAM_ID);
  place(SampleFormat.CPU);
  const period = place(SampleFormat.PERIOD);
  return {
    sampleType,
    readFormat: (attr.readFormat ?? 0) | SOURCE_READ_FORMAT | (countsLost ? ReadFormat.LOST : 0),
    branchHwIndex: (branches & PERF_SAMPLE_BRANCH_HW_INDEX) !== 0n,
    branchCounters: (branches & PERF_SAMPLE_BRANCH_COUNTERS) !== 0n,
    userRegisters: user.places,
    interruptRegisters: interrupt.places,
    userRegisterCount: user.count,
    interruptRegisterCount: interrupt.count,
    ip,
    addr,
    streamId,
    period,
    fixedHead,
  };
}

interface RegisterPlaces {
  places: Int8Array;
  count: number;
}

const noRegisters: RegisterPlaces = { places: new Int8Array(64).fill(-1), count: 0 };

function registerPlaces(mask: number | bigint | undefined): RegisterPlaces {
  let bits = BigInt.asUintN(64, BigInt(mask ?? 0));
  if (bits === 0n) return noRegisters;
  const places = new Int8Array(64).fill(-1);
  let count = 0;
  for (let register = 0; bits !== 0n; register++, bits >>= 1n) if (bits & 1n) places[register] = count++;
  return { places, count };
}
