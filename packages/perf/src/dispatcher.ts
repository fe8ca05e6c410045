import {
  NO_EVENT,
  RECORD_HEADER_SIZE,
  RecordFlag,
  RecordOffset,
  type RecordSource,
  RecordType,
} from "@kernscope/perf-native";
import type { MonitorClock } from "./clock.js";
import type { ExternalQueue } from "./external-queue.js";
import { decodeRaw } from "./field-decoder.js";
import type { RawMemory } from "./raw-memory.js";
import type { EventId } from "./record.js";
import type { Registration } from "./registration.js";
import type { SampleRecord } from "./sample-record.js";
import { decodeSideBand, sideBandKind } from "./side-band.js";

/** Bytes of records that are handed out before other work of the process gets its turn. */
const TURN = 2 * 1024 * 1024;
/** Nanoseconds between comparisons of the clocks. */
const REFRESH = 1e9;
/** The type of what fills the memory up to its end. */
const PADDING = 0;
/** 2^32 */
const WORD = 4_294_967_296;
/** Milliseconds: timers take no more. */
const LONGEST_WAIT = 2 ** 31 - 1;

export interface DispatcherInit {
  source: RecordSource;
  memory: RawMemory;
  clock: MonitorClock;
  record: SampleRecord;
  externals: ExternalQueue;
  /** By the source's index. */
  registrations: readonly (Registration | undefined)[];
  onHandlerError: ((error: unknown, id: EventId) => void) | undefined;
  onBatchEnd: () => void;
  /** All that the source had, up to `horizon`, was handed out. */
  onHorizon: () => void;
  /** Something was thrown that nobody takes: dispatching has stopped behind the record that it was thrown for. */
  onFailure: (error: unknown) => void;
}

/** Takes spans from a source and hands their records, and external samples among them, to handlers. */
export class Dispatcher {
  readonly #init: DispatcherInit;
  readonly #memory: RawMemory;
  readonly #externals: ExternalQueue;
  readonly #originHigh: number;
  readonly #originLow: number;
  /** The place in the span that is being handed out; none when `#at` = `#end` and not `#open`. */
  #at = 0;
  #end = 0;
  #open = false;
  #active = false;
  #dispatching = false;
  #waiting: NodeJS.Immediate | undefined;
  /** Goes off when the time of the first waiting sample comes. */
  #timer: NodeJS.Timeout | undefined;
  /** Elapsed time for which it was set. */
  #timerFor = Infinity;
  #flushing = false;
  #referenced = true;
  #refreshed = 0;
  /** Records whose raw data was too short for its format, those that the source counts as corrupt not among them. */
  short = 0;
  /** Samples of events that were forgotten before their last records were out. */
  unknown = 0;
  /** Elapsed time up to which all is handed out. */
  horizon = -Infinity;

  constructor(init: DispatcherInit) {
    this.#init = init;
    this.#memory = init.memory;
    this.#externals = init.externals;
    this.#originHigh = Number(init.clock.origin >> 32n);
    this.#originLow = Number(init.clock.origin & 0xffff_ffffn);
  }

  get dispatching(): boolean {
    return this.#dispatching;
  }

  start(): void {
    this.#active = true;
    this.pump();
  }

  /** Stops behind the current record; what is left of the span waits for the next start. */
  halt(): void {
    this.#active = false;
    if (this.#waiting !== undefined) clearImmediate(this.#waiting);
    this.#waiting = undefined;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** Gives the span back, read or not: the source is about to close. */
  abandon(): void {
    this.halt();
    if (this.#open) this.#init.source.release();
    this.#open = false;
    this.#at = this.#end;
  }

  setReferenced(referenced: boolean): void {
    this.#referenced = referenced;
    if (referenced) this.#waiting?.ref();
    else this.#waiting?.unref();
  }

  /** Hands out what the source has, a turn's worth at a time. */
  pump(): void {
    if (!this.#active || this.#dispatching) return;
    if (this.#waiting !== undefined) clearImmediate(this.#waiting);
    this.#waiting = undefined;
    this.#dispatching = true;
    try {
      let budget = TURN;
      while (this.#active && this.#take()) {
        const from = this.#at;
        this.#dispatch(Math.min(this.#end, from + budget));
        budget -= this.#at - from;
        if (this.#at >= this.#end) this.#finishSpan();
        if (budget <= 0) break;
      }
      if (this.#active && budget <= 0) this.#continueSoon();
    } catch (error) {
      this.halt();
      this.#init.onFailure(error);
    } finally {
      this.#dispatching = false;
    }
    if (this.#active && !this.#open) this.#init.onHorizon();
    if (this.#active && !this.#open) this.#awaitExternals();
  }

  /** An external sample was queued: lets it out if its time has come, else sees to it that its time will come. */
  externalQueued(): void {
    if (!this.#active || this.#dispatching || this.#open || this.#flushing) return;
    if (this.#externals.first > this.horizon) {
      this.#awaitExternals();
      return;
    }
    this.#flushing = true;
    queueMicrotask(() => {
      this.#flushing = false;
      this.flush();
    });
  }

  /** Has the horizon pass the first waiting sample: now if its time has come, else when it comes. */
  #awaitExternals(): void {
    const { first } = this.#externals;
    if (first === Infinity || (this.#timer !== undefined && this.#timerFor <= first)) return;
    const nanos = first - this.#init.clock.now();
    if (nanos <= 0) {
      this.#init.source.requestHorizon();
      return;
    }
    clearTimeout(this.#timer);
    this.#timerFor = first;
    const wait = () => {
      this.#timer = undefined;
      if (!this.#open) this.#awaitExternals();
    };
    // It keeps no process alive: the source does.
    this.#timer = setTimeout(wait, Math.min(Math.ceil(nanos / 1e6), LONGEST_WAIT)).unref();
  }

  /** Lets out what was queued for a time that is past, and before that what `last` queues. */
  flush(last: () => void = () => {}): void {
    if (!this.#active || this.#dispatching || this.#open) return;
    this.#dispatching = true;
    try {
      last();
      this.#endBatch(false);
    } catch (error) {
      this.halt();
      this.#init.onFailure(error);
    } finally {
      this.#dispatching = false;
    }
  }

  #take(): boolean {
    if (this.#open) return true;
    const { source, clock } = this.#init;
    if (!source.take()) return false;
    this.#open = true;
    this.#at = source.spanStart;
    this.#end = source.spanEnd;
    const now = (source.horizonHigh - this.#originHigh) * WORD + (source.horizonLow - this.#originLow);
    if (now - this.#refreshed > REFRESH) {
      this.#refreshed = now;
      clock.refresh();
    }
    return true;
  }

  #finishSpan(): void {
    const { source } = this.#init;
    const records = source.spanEnd > source.spanStart;
    this.horizon = (source.horizonHigh - this.#originHigh) * WORD + (source.horizonLow - this.#originLow);
    this.#open = false;
    source.release();
    this.#endBatch(records);
  }

  /** `flowed`: records were handed out. What the end of a batch puts in for a time that is past goes out with it. */
  #endBatch(flowed: boolean): void {
    const externals = this.#externals;
    for (let round = 0; round < 2; round++) {
      const due = externals.first <= this.horizon;
      if (due) this.#dispatchExternals(this.horizon);
      if (due || (flowed && round === 0)) this.#init.onBatchEnd();
    }
  }

  #continueSoon(): void {
    this.#waiting = setImmediate(() => this.pump());
    if (!this.#referenced) this.#waiting.unref();
  }

  /** The hot loop: allocates nothing. Word numbers are those of record-layout.ts. */
  #dispatch(limit: number): void {
    const memory = this.#memory;
    const { u32 } = memory;
    const { registrations } = this.#init;
    const externals = this.#externals;
    while (this.#at < limit && this.#active) {
      const at = this.#at;
      const word = at >> 2;
      const length = u32[word]!;
      const kind = u32[word + 1]!;
      if (length === 0 || at + length > this.#end)
        throw new RangeError(`record of ${length} bytes at ${at}: the span is broken`);
      if ((kind & 0xffff) === PADDING) {
        this.#at = at + length;
        continue;
      }
      if (externals.first !== Infinity) {
        this.#dispatchExternals(this.#elapsedAt(word));
        if (!this.#active) return;
      }
      this.#at = at + length;
      const index = u32[word + 2]!;
      const registration = registrations[index];
      if (registration === undefined) {
        if ((kind & 0xffff) === RecordType.SAMPLE && index !== NO_EVENT) this.unknown++;
        continue;
      }
      if (registration.selective && !registration.wants(index, this.#elapsedAt(word))) {
        registration.discarded++;
        continue;
      }
      if ((kind & 0xffff) !== RecordType.SAMPLE) {
        this.#dispatchOther(registration, kind & 0xffff, word);
        continue;
      }
      const size = u32[word + 10]!;
      memory.move(at + RECORD_HEADER_SIZE, size);
      registration.delivered++;
      const data = size >= registration.rawSize ? registration.data : this.#shortData(registration, at);
      this.#call(registration, this.#init.record, data);
    }
  }

  /** Whatever is not a sample: told to who asked for it, or counted. */
  #dispatchOther(registration: Registration, type: number, word: number): void {
    const memory = this.#memory;
    const { u32 } = memory;
    memory.move((word << 2) + RECORD_HEADER_SIZE, u32[word + 10]!);
    if (type === RecordType.LOST_SAMPLES && memory.size >= 8) {
      registration.lostSamples += Number(memory.unsigned64(memory.start));
    } else if (type === RecordType.THROTTLE) {
      registration.throttled++;
    }
    const kind = sideBandKind(type);
    if (registration.sideBand === undefined || kind === undefined) return;
    const data = decodeSideBand(memory, type, u32[word + 11]!);
    if (data === undefined || !registration.sideBand.has(kind)) {
      registration.discarded++;
      if (data === undefined) this.#markShort(word << 2);
      return;
    }
    registration.delivered++;
    this.#call(registration, this.#init.record, data);
  }

  #elapsedAt(word: number): number {
    const { u32 } = this.#memory;
    return (u32[word + 5]! - this.#originHigh) * WORD + (u32[word + 4]! - this.#originLow);
  }

  #dispatchExternals(until: number): void {
    const externals = this.#externals;
    while (externals.first <= until && this.#active) {
      const entry = externals.pop()!;
      const registration = this.#init.registrations[entry.sample.event];
      if (registration === undefined || registration.closing) continue;
      registration.delivered++;
      this.#call(registration, entry.sample, entry.data);
    }
  }

  /** Marks the record as corrupt and reads its data as if what is missing were 0. */
  #shortData(registration: Registration, at: number): unknown {
    const { start, size, u8 } = this.#memory;
    this.#markShort(at);
    if (registration.format === undefined) return registration.data;
    return decodeRaw(registration.format, u8.subarray(start, start + size));
  }

  #markShort(at: number): void {
    const { u16 } = this.#memory;
    const flags = (at + RecordOffset.FLAGS) >> 1;
    // What the source has marked, it has counted.
    if ((u16[flags]! & RecordFlag.CORRUPT) === 0) this.short++;
    u16[flags]! |= RecordFlag.CORRUPT;
  }

  #call(registration: Registration, sample: unknown, data: unknown): void {
    const { handlers } = registration;
    for (let index = 0; index < handlers.length; index++) {
      const handler = handlers[index]!;
      // A handler may have removed this one.
      if (handlers !== registration.handlers && !registration.handlers.includes(handler)) continue;
      try {
        handler(sample, data);
      } catch (error) {
        const { onHandlerError } = this.#init;
        if (onHandlerError === undefined) throw error;
        onHandlerError(error, registration.id);
      }
    }
  }
}
