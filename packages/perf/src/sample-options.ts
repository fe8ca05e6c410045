import { type EventAttr, ReadFormat, SampleFormat } from "@kernscope/perf-native";
import { checkAttr } from "./check-attr.js";
import { PerfError } from "./errors.js";

/** What each sample of an event carries beside its header. Everything asked for costs room in the ring. */
export interface SampleOptions {
  ip?: boolean;
  addr?: boolean;
  streamId?: boolean;
  period?: boolean;
  /** Counter values: of the event, or of its whole counter group with `ReadFormat.GROUP` in `attr.readFormat`. */
  values?: boolean;
  callchain?: boolean;
  /** Id of the task's perf_event cgroup (Linux 5.7). */
  cgroup?: boolean;
  /** Mask of registers (bit n: register n of `UserRegister`) as they are in user space. */
  userRegisters?: bigint | number;
  /** Bytes of user stack: a multiple of 8 below 65,536. */
  userStack?: number;
  /** Mask of registers at the moment of the sample. */
  interruptRegisters?: bigint | number;
  /** `PERF_SAMPLE_BRANCH_*` bits. */
  branchStack?: bigint | number;
  /** As one word, or `"parts"` (Linux 5.12). */
  weight?: boolean | "parts";
  dataSource?: boolean;
  transaction?: boolean;
  /** Linux 4.14, CAP_SYS_ADMIN. */
  physicalAddress?: boolean;
  /** Linux 5.11. */
  dataPageSize?: boolean;
  /** Linux 5.11. */
  codePageSize?: boolean;
  /** Bytes of AUX data (Linux 5.5). */
  aux?: number;
}

/**
 * Adds to `attr` what `options` ask for.
 *
 * @throws PerfError `invalid`
 */
export function applySampleOptions(attr: EventAttr, options: SampleOptions, subject: string): EventAttr {
  const { userStack, aux } = options;
  if (
    userStack !== undefined &&
    !(Number.isInteger(userStack) && userStack > 0 && userStack < 65_536 && userStack % 8 === 0)
  ) {
    throw invalid(subject, `userStack ${userStack}: not a multiple of 8 from 8 to 65,528`);
  }
  if (aux !== undefined && !(Number.isInteger(aux) && aux > 0 && aux < 65_536)) {
    throw invalid(subject, `aux ${aux}: not a number of bytes from 1 to 65,535`);
  }
  const bits: [unknown, number][] = [
    [options.ip, SampleFormat.IP],
    [options.addr, SampleFormat.ADDR],
    [options.streamId, SampleFormat.STREAM_ID],
    [options.period, SampleFormat.PERIOD],
    [options.values, SampleFormat.READ],
    [options.callchain, SampleFormat.CALLCHAIN],
    [options.cgroup, SampleFormat.CGROUP],
    [options.userRegisters, SampleFormat.REGS_USER],
    [userStack, SampleFormat.STACK_USER],
    [options.interruptRegisters, SampleFormat.REGS_INTR],
    [options.branchStack, SampleFormat.BRANCH_STACK],
    [options.weight === true, SampleFormat.WEIGHT],
    [options.weight === "parts", SampleFormat.WEIGHT_STRUCT],
    [options.dataSource, SampleFormat.DATA_SRC],
    [options.transaction, SampleFormat.TRANSACTION],
    [options.physicalAddress, SampleFormat.PHYS_ADDR],
    [options.dataPageSize, SampleFormat.DATA_PAGE_SIZE],
    [options.codePageSize, SampleFormat.CODE_PAGE_SIZE],
    [aux, SampleFormat.AUX],
  ];
  const sampleType = bits.reduce((type, [wanted, bit]) => (wanted ? type | bit : type), attr.sampleType ?? 0);
  const readFormat = ReadFormat.TOTAL_TIME_ENABLED | ReadFormat.TOTAL_TIME_RUNNING;
  const own = {
    ...attr,
    sampleType,
    ...(options.values ? { readFormat: attr.readFormat ?? readFormat } : {}),
    ...(options.userRegisters ? { sampleRegsUser: options.userRegisters } : {}),
    ...(userStack ? { sampleStackUser: userStack } : {}),
    ...(options.interruptRegisters ? { sampleRegsIntr: options.interruptRegisters } : {}),
    ...(options.branchStack ? { branchSampleType: options.branchStack } : {}),
    ...(aux ? { auxSampleSize: aux } : {}),
  };
  return checkAttr(own, subject);
}

function invalid(subject: string, cause: string): PerfError {
  return new PerfError("invalid", { operation: "sample", subject, cause });
}
