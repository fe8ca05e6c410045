import {
  NO_EVENT,
  RECORD_HEADER_SIZE,
  ReadFormat,
  RecordFlag,
  RecordOffset,
  RecordType,
  SampleFormat,
} from "@kernscope/perf-native";
import type { SampleLayout } from "../sample-layout.js";

/** The header of a record. */
export interface RecordHeader {
  /** Default SAMPLE. */
  type?: number;
  /** Index of the event; default: none. */
  event?: number;
  /** Nanoseconds of the source's clock. */
  time?: bigint;
  cpu?: number;
  pid?: number;
  tid?: number;
  cgroup?: number | bigint;
  id?: bigint;
  misc?: number;
  late?: boolean;
  corrupt?: boolean;
}

/** The fields of a sample that its head and tail hold. */
export interface SampleFields {
  ip?: bigint;
  addr?: bigint;
  streamId?: bigint;
  period?: bigint;
  values?: {
    timeEnabled?: bigint;
    timeRunning?: bigint;
    counters: readonly { value: bigint; id?: bigint; lost?: bigint }[];
  };
  callchain?: readonly bigint[];
  branchStack?: {
    hardwareIndex?: bigint;
    entries: readonly { from: bigint; to: bigint; flags?: bigint; counters?: bigint }[];
  };
  /** By register number. */
  userRegisters?: Readonly<Record<number, bigint>>;
  /** Default 2, and 0 where no registers are given. */
  userRegistersAbi?: number;
  userStack?: Uint8Array;
  weight?: bigint;
  dataSource?: bigint;
  transaction?: bigint;
  interruptRegisters?: Readonly<Record<number, bigint>>;
  physicalAddress?: bigint;
  dataPageSize?: bigint;
  codePageSize?: bigint;
  aux?: Uint8Array;
}

/** Builds records as they lie in a source's span (record-layout.ts of perf-native). */
export class RecordBuilder {
  /** A record of any type: header, raw data or body, and, for samples, head and tail. */
  record(header: RecordHeader, raw = empty, head = empty, tail = empty): Uint8Array {
    const rawEnd = RECORD_HEADER_SIZE + pad(raw.length);
    const length = rawEnd + pad(head.length) + pad(tail.length);
    const bytes = new Uint8Array(length);
    const view = new DataView(bytes.buffer);
    const flags = (header.late ? RecordFlag.LATE : 0) | (header.corrupt ? RecordFlag.CORRUPT : 0);
    view.setUint32(RecordOffset.LENGTH, length, true);
    view.setUint16(RecordOffset.TYPE, header.type ?? RecordType.SAMPLE, true);
    view.setUint16(RecordOffset.FLAGS, flags, true);
    view.setUint32(RecordOffset.EVENT, header.event ?? NO_EVENT, true);
    view.setUint32(RecordOffset.CPU, header.cpu ?? 0, true);
    view.setBigUint64(RecordOffset.TIME, header.time ?? 0n, true);
    view.setUint32(RecordOffset.PID, header.pid ?? 0, true);
    view.setUint32(RecordOffset.TID, header.tid ?? header.pid ?? 0, true);
    view.setBigUint64(RecordOffset.CGROUP, BigInt(header.cgroup ?? 0), true);
    view.setUint32(RecordOffset.RAW_SIZE, raw.length, true);
    view.setUint32(RecordOffset.MISC, header.misc ?? 0, true);
    view.setUint32(RecordOffset.HEAD_SIZE, pad(head.length), true);
    view.setUint32(RecordOffset.TAIL_SIZE, pad(tail.length), true);
    view.setBigUint64(RecordOffset.ID, header.id ?? 0n, true);
    bytes.set(raw, RECORD_HEADER_SIZE);
    bytes.set(head, rawEnd);
    bytes.set(tail, rawEnd + pad(head.length));
    return bytes;
  }

  /** A sample of an event with `layout`. */
  sample(layout: SampleLayout, header: RecordHeader, raw: Uint8Array = empty, fields: SampleFields = {}): Uint8Array {
    if ((layout.sampleType & ~IN_HEADER) === 0) return this.record(header, raw);
    return this.record(header, raw, buildHead(layout, header, fields), buildTail(layout, header, fields));
  }
}

/** Fields that the record's header holds: where no others are sampled there is neither head nor tail. */
const IN_HEADER = SampleFormat.TID | SampleFormat.TIME | SampleFormat.CPU | SampleFormat.CGROUP | SampleFormat.RAW;

const empty: Uint8Array = new Uint8Array();

/** The fields before the raw data, in the order of perf_event_open(2). */
function buildHead(layout: SampleLayout, header: RecordHeader, fields: SampleFields): Uint8Array {
  const words = new Words(layout.sampleType);
  const pid = BigInt.asUintN(32, BigInt(header.pid ?? 0));
  const tid = BigInt.asUintN(32, BigInt(header.tid ?? header.pid ?? 0));
  words.add(SampleFormat.IP, fields.ip);
  words.add(SampleFormat.TID, pid | (tid << 32n));
  words.add(SampleFormat.TIME, header.time);
  words.add(SampleFormat.ADDR, fields.addr);
  words.add(SampleFormat.ID, header.id);
  words.add(SampleFormat.STREAM_ID, fields.streamId);
  words.add(SampleFormat.CPU, BigInt(header.cpu ?? 0));
  words.add(SampleFormat.PERIOD, fields.period);
  words.add(SampleFormat.READ, ...readWords(layout.readFormat, fields.values ?? { counters: [] }));
  const callchain = fields.callchain ?? [];
  words.add(SampleFormat.CALLCHAIN, BigInt(callchain.length), ...callchain);
  return words.bytes();
}

/** The fields after the raw data, in the order of perf_event_open(2). */
function buildTail(layout: SampleLayout, header: RecordHeader, fields: SampleFields): Uint8Array {
  const words = new Words(layout.sampleType);
  const { hardwareIndex, entries } = fields.branchStack ?? { entries: [] };
  words.add(
    SampleFormat.BRANCH_STACK,
    BigInt(entries.length),
    ...(layout.branchHwIndex ? [hardwareIndex ?? 0xffff_ffff_ffff_ffffn] : []),
    ...entries.flatMap(({ from, to, flags }) => [from, to, flags ?? 0n]),
    ...(layout.branchCounters ? entries.map(({ counters }) => counters ?? 0n) : []),
  );
  words.add(SampleFormat.REGS_USER, ...registers(layout.userRegisters, fields.userRegisters, fields.userRegistersAbi));
  words.addBytes(SampleFormat.STACK_USER, fields.userStack);
  words.add(SampleFormat.WEIGHT | SampleFormat.WEIGHT_STRUCT, fields.weight);
  words.add(SampleFormat.DATA_SRC, fields.dataSource);
  words.add(SampleFormat.TRANSACTION, fields.transaction);
  words.add(SampleFormat.REGS_INTR, ...registers(layout.interruptRegisters, fields.interruptRegisters, undefined));
  words.add(SampleFormat.PHYS_ADDR, fields.physicalAddress);
  words.add(SampleFormat.CGROUP, BigInt(header.cgroup ?? 0));
  words.add(SampleFormat.DATA_PAGE_SIZE, fields.dataPageSize);
  words.add(SampleFormat.CODE_PAGE_SIZE, fields.codePageSize);
  words.addBytes(SampleFormat.AUX, fields.aux);
  return words.bytes();
}

function readWords(
  format: number,
  { timeEnabled, timeRunning, counters }: NonNullable<SampleFields["values"]>,
): bigint[] {
  const times = [
    ...(format & ReadFormat.TOTAL_TIME_ENABLED ? [timeEnabled ?? 0n] : []),
    ...(format & ReadFormat.TOTAL_TIME_RUNNING ? [timeRunning ?? 0n] : []),
  ];
  const extras = (counter: { id?: bigint; lost?: bigint } | undefined) => [
    ...(format & ReadFormat.ID ? [counter?.id ?? 0n] : []),
    ...(format & ReadFormat.LOST ? [counter?.lost ?? 0n] : []),
  ];
  if ((format & ReadFormat.GROUP) === 0) return [counters[0]?.value ?? 0n, ...times, ...extras(counters[0])];
  return [BigInt(counters.length), ...times, ...counters.flatMap((counter) => [counter.value, ...extras(counter)])];
}

function registers(
  places: Int8Array,
  values: Readonly<Record<number, bigint>> | undefined,
  abi: number | undefined,
): bigint[] {
  if (values === undefined || abi === 0) return [0n];
  const sampled = [...places.keys()].filter((register) => (places[register] ?? -1) >= 0);
  return [BigInt(abi ?? 2), ...sampled.map((register) => values[register] ?? 0n)];
}

/** Collects the 8-byte words of those fields that the sample type has. */
class Words {
  readonly #sampleType: number;
  readonly #words: bigint[] = [];

  constructor(sampleType: number) {
    this.#sampleType = sampleType;
  }

  add(bit: number, ...words: (bigint | undefined)[]): void {
    if (this.#sampleType & bit) for (const word of words) this.#words.push(BigInt.asUintN(64, word ?? 0n));
  }

  /** A size and so many bytes. */
  addBytes(bit: number, bytes: Uint8Array = empty): void {
    const padded = new Uint8Array(pad(bytes.length));
    padded.set(bytes);
    this.add(bit, BigInt(bytes.length), ...new BigUint64Array(padded.buffer));
  }

  bytes(): Uint8Array {
    return new Uint8Array(BigUint64Array.from(this.#words).buffer);
  }
}

function pad(size: number): number {
  return (size + 7) & ~7;
}
