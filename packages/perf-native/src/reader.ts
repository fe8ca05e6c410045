import { type EventAttr, packAttr } from "./attr.js";
import { binding, called, fromNative, type NativeReader } from "./binding.js";
import { Clock, PerfType, ReadFormat, SampleFormat, SoftwareEvent } from "./constants.js";
import { presentCpus } from "./cpu-list.js";
import { PerfNativeError } from "./errors.js";
import { OnlineCpus } from "./online-cpus.js";
import type { EventCount, OpenedEvent, OpenRequest, RecordSource, SourceStats } from "./record-source.js";

export interface ReaderOptions {
  /** CPUs to open rings on, those that are offline when they come; left out: all. */
  cpus?: readonly number[];
  /** Open rings on CPUs that are offline, too, where events of processes can be opened. Default false. */
  offlineRings?: boolean;
  /** Bytes of each CPU's ring: a page count that is a power of two. Default 2 MiB. */
  ringSize?: number;
  /** Bytes of the memory between the native thread and JavaScript, 256 KiB at least. Default 16 MiB. */
  spanSize?: number;
  /** Bytes in a ring that wake the native thread before its tick. Default an eighth of the ring. */
  watermark?: number;
  /** Milliseconds after which the native thread looks at the rings unasked: bounds the latency of sparse events. Default 5. */
  tick?: number;
  /**
   * The same where few records come, less than four at a time, from 0.1 to `tick`: looking more often costs more, but not
   * for each of many. Default `tick`.
   */
  quickTick?: number;
  /**
   * Records that make a look worth what it costs, from 0: where a tick would bring fewer, but four, it lasts until they are
   * there, or four times as long. Default 0, no tick lasts longer.
   */
  batch?: number;
  /**
   * Milliseconds that the tick grows to while no record comes, from `quickTick` to 1000: a record waits no longer than a
   * twentieth of the silence before it. Default 10 × `quickTick`.
   */
  restTick?: number;
  /** Microseconds that a record is held back so that slower CPUs' records can come before it. Default 100. */
  slack?: number;
  /**
   * Clock of the records (`Clock`). Default MONOTONIC, which is `process.hrtime`'s. REALTIME can be set: when it is set back
   * by over a second, the records from before come at once, flagged corrupt and with another time.
   */
  clockId?: number;
}

const KIB = 1024;
const MIB = 1024 * KIB;
/** Twice the longest record and its header, so that the span memory can always take one. */
const MIN_SPAN_SIZE = 256 * KIB;
const MAX_SPAN_SIZE = 2 ** 31;
const MAX_BATCH = 2 ** 20;
const STACK_AND_REGISTERS = BigInt(SampleFormat.REGS_USER | SampleFormat.STACK_USER);
/** Looks at the CPUs that are online, of which one asks the canaries, too. */
const CANARY_LOOKS = 3;

/**
 * Opens the kernel as a record source: a ring on each CPU, read by a native thread.
 *
 * @throws PerfNativeError `unsupported` (not Linux, no addon), `invalid` (an option), `system` (EACCES or EPERM without
 * CAP_PERFMON; EPERM from mmap above `kernel.perf_event_mlock_kb`; EAGAIN where no more threads are to be had)
 */
export async function openReader(options: ReaderOptions = {}): Promise<RecordSource> {
  const { Reader } = binding();
  const ringSize = checkRingSize("ringSize", options.ringSize ?? 2 * MIB);
  const spanSize = checkRange("spanSize", options.spanSize ?? 16 * MIB, MIN_SPAN_SIZE, MAX_SPAN_SIZE);
  const watermark = checkRange("watermark", options.watermark ?? ringSize / 8, 1, ringSize);
  const tick = checkRange("tick", options.tick ?? 5, 0.1, 1000);
  const quickTick = checkRange("quickTick", options.quickTick ?? tick, 0.1, tick);
  const restTick = checkRange("restTick", options.restTick ?? Math.min(10 * quickTick, 1000), quickTick, 1000);
  const batch = checkRange("batch", options.batch ?? 0, 0, MAX_BATCH);
  const slack = checkRange("slack", options.slack ?? 100, 0, 1_000_000);
  const clockId = options.clockId ?? Clock.MONOTONIC;
  const present = presentCpus();
  for (const cpu of options.cpus ?? []) {
    if (present.includes(cpu)) continue;
    throw new PerfNativeError(
      "invalid",
      `open(reader): there is no CPU ${cpu} – this system has ${present.join(", ")}`,
    );
  }
  const span = new Uint32Array(4);
  const nativeOptions = {
    cpus: Int32Array.from(options.cpus ?? present),
    ringSize,
    spanSize: spanSize - (spanSize % 8),
    tickNanos: Math.round(tick * 1e6),
    quickTickNanos: Math.round(quickTick * 1e6),
    restTickNanos: Math.round(restTick * 1e6),
    batch: Math.round(batch),
    slackNanos: Math.round(slack * 1e3),
    clockId,
    offlineRings: options.offlineRings === true,
  };
  const native = called(() => new Reader(nativeOptions, span, () => source.onReady()));
  const source = new KernelSource(native, span, clockId, watermark);
  await source.openRings();
  return source;
}

/** The stack pointer among the user registers (asm/perf_regs.h), where the native reader knows it. */
const STACK_POINTER: Partial<Record<string, bigint>> = { x64: 1n << 7n, arm64: 1n << 31n };

function checkCompletable({ attr, ringSize }: OpenRequest): void {
  if (ringSize === undefined) {
    throw new PerfNativeError("invalid", "open(event): completeStack without ringSize – give it rings of its own");
  }
  const pointer = STACK_POINTER[process.arch] ?? 0n;
  const format = BigInt(attr.sampleType ?? 0) & STACK_AND_REGISTERS;
  if (format !== STACK_AND_REGISTERS || (BigInt(attr.sampleRegsUser ?? 0) & pointer) === 0n) {
    const cause = "completeStack without a stack to complete";
    throw new PerfNativeError("invalid", `open(event): ${cause} – sample it, and the stack pointer`);
  }
}

class KernelSource implements RecordSource {
  readonly memory: ArrayBuffer;
  readonly clockId: number;
  cpus: readonly number[] = [];
  countsLost = true;
  onReady: () => void = () => {};
  readonly #native: NativeReader;
  readonly #span: Uint32Array;
  readonly #watermark: number;
  #closing: Promise<void> | undefined;

  constructor(native: NativeReader, span: Uint32Array, clockId: number, watermark: number) {
    this.#native = native;
    this.#span = span;
    this.#watermark = watermark;
    this.memory = native.memory;
    this.clockId = clockId;
  }

  async openRings(): Promise<void> {
    const attr = { type: PerfType.SOFTWARE, config: SoftwareEvent.DUMMY, samplePeriod: 1 };
    try {
      try {
        this.cpus = await this.#native.openRings(this.#pack(attr, this.#watermark, true));
      } catch (error) {
        // Before 6.0 the kernel does not know PERF_FORMAT_LOST.
        if (fromNative(error).errno !== "EINVAL") throw error;
        this.countsLost = false;
        this.cpus = await this.#native.openRings(this.#pack(attr, this.#watermark, true));
      }
      this.#online = new OnlineCpus();
    } catch (error) {
      await this.#native.close();
      throw fromNative(error);
    }
  }

  start(onReady: () => void): void {
    this.#checkOpen("start");
    this.onReady = onReady;
    called(() => this.#native.start());
  }

  async open(request: OpenRequest): Promise<OpenedEvent> {
    this.#checkOpen("open");
    if (request.completeStack === true) checkCompletable(request);
    const ringSize = request.ringSize === undefined ? 0 : checkRingSize("ringSize", request.ringSize);
    const watermark = ringSize === 0 ? this.#watermark : Math.min(this.#watermark, ringSize / 8);
    const offline = await settled(
      this.#native.open({
        index: request.index,
        attr: this.#pack(request.attr, request.urgent === true ? 0 : watermark, request.leader === undefined),
        targets: Int32Array.from(request.targets.flatMap(({ pid, cpu }) => [pid, cpu])),
        followCpus: request.followCpus === true,
        flags: request.flags ?? 0,
        leader: request.leader,
        filter: request.filter,
        enabled: request.enabled === true,
        ringSize,
        completeStack: request.completeStack === true,
      }),
    );
    return { offline };
  }

  async followCpus(): Promise<readonly number[]> {
    this.#checkOpen("followCpus");
    const failed = this.#failed;
    this.#failed = undefined;
    if (failed !== undefined) throw failed;
    const online = this.#online as OnlineCpus;
    // That a CPU went and came back unseen, which is rare, costs more to find out than the list.
    if (!online.look() && this.#looks++ % CANARY_LOOKS !== 0) return [];
    const { came, failed: error } = await settled(this.#native.followCpus(Int32Array.from(online.list)));
    if (error !== undefined && came.length === 0) throw fromNative(error);
    // What came is told first: it is taken in all the same.
    if (error !== undefined) this.#failed = fromNative(error);
    if (came.length > 0) this.cpus = [...new Set([...this.cpus, ...came])].sort((a, b) => a - b);
    return came;
  }

  setEnabled(indices: readonly number[], enabled: boolean): Promise<void> {
    this.#checkOpen("setEnabled");
    return settled(this.#native.setEnabled(Uint32Array.from(indices), enabled));
  }

  setFilter(index: number, filter: string): Promise<void> {
    this.#checkOpen("setFilter");
    return settled(this.#native.setFilter(index, filter));
  }

  counts(index: number): Promise<EventCount[]> {
    this.#checkOpen("counts");
    return settled(this.#native.counts(index));
  }

  closeEvents(indices: readonly number[]): Promise<void> {
    if (this.#closing !== undefined) return this.#closing;
    return settled(this.#native.closeEvents(Uint32Array.from(indices)));
  }

  take(): boolean {
    return this.#closing === undefined && this.#native.take();
  }

  get spanStart(): number {
    return this.#span[0] as number;
  }

  get spanEnd(): number {
    return this.#span[1] as number;
  }

  get horizonHigh(): number {
    return this.#span[2] as number;
  }

  get horizonLow(): number {
    return this.#span[3] as number;
  }

  release(): void {
    if (this.#closing === undefined) this.#native.release();
  }

  requestHorizon(): void {
    if (this.#closing === undefined) this.#native.requestHorizon();
  }

  stats(): SourceStats {
    return this.#closing === undefined ? this.#native.stats() : this.#lastStats;
  }

  ref(): void {
    if (this.#closing === undefined) this.#native.setRef(true);
  }

  unref(): void {
    if (this.#closing === undefined) this.#native.setRef(false);
  }

  close(): Promise<void> {
    if (this.#closing === undefined) {
      this.#lastStats = this.#native.stats();
      this.#online?.close();
      this.#closing = settled(this.#native.close());
    }
    return this.#closing;
  }

  #lastStats!: SourceStats;
  #online: OnlineCpus | undefined;
  #looks = 0;
  /** What the next look throws. */
  #failed: PerfNativeError | undefined;

  /**
   * Adds what every event needs so that the native thread can tell whose record it is, and when it was written.
   *
   * @param watermark 0: wakes at every record
   * @param disabled opened off, to be enabled when all is ready
   */
  #pack(attr: EventAttr, watermark: number, disabled: boolean): Uint8Array {
    const { IDENTIFIER, TID, TIME, CPU } = SampleFormat;
    const { TOTAL_TIME_ENABLED, TOTAL_TIME_RUNNING, ID, LOST } = ReadFormat;
    return packAttr({
      ...attr,
      sampleType: (attr.sampleType ?? 0) | IDENTIFIER | TID | TIME | CPU,
      readFormat: (attr.readFormat ?? 0) | TOTAL_TIME_ENABLED | TOTAL_TIME_RUNNING | ID | (this.countsLost ? LOST : 0),
      flags: { ...attr.flags, disabled, sampleIdAll: true },
      clockId: this.clockId,
      ...(watermark === 0 ? { wakeupEvents: 1 } : { wakeupWatermark: watermark }),
    });
  }

  #checkOpen(operation: string): void {
    if (this.#closing !== undefined) throw new PerfNativeError("closed", `${operation}(reader): it was closed`);
  }
}

async function settled<T>(promise: Promise<T>): Promise<T> {
  try {
    return await promise;
  } catch (error) {
    throw fromNative(error);
  }
}

function checkRange(name: string, value: number, least: number, most: number): number {
  if (value >= least && value <= most) return value;
  throw new PerfNativeError("invalid", `open(reader): ${name} is ${value} – give a number from ${least} to ${most}`);
}

function checkRingSize(name: string, size: number): number {
  const pages = size / 4096;
  if (Number.isInteger(Math.log2(pages)) && pages >= 1 && size <= 2 ** 30) return size;
  throw new PerfNativeError(
    "invalid",
    `open(reader): ${name} is ${size} – give 4096 times a power of two, up to 1 GiB`,
  );
}
