import { eventSize, type TelemetryEvent } from "./event.js";

/**
 * How much may wait for a slow consumer. As much again may wait, for a second at the most, until a container's runtime
 * has told whether it is one that the consumer wants.
 */
export interface QueueLimits {
  /** Default 65,536. */
  events: number;
  /** Bytes of the events, roughly. Default 32 MiB. */
  bytes: number;
}

/** What holds where a request says nothing. */
export const defaultQueueLimits: QueueLimits = { events: 65_536, bytes: 32 * 1024 * 1024 };

/** A run of events that found no room, one after the other. */
export interface Gap {
  /** Of the event that tells of it. */
  sequenceNumber: number;
  /** How many; what an event among them told to be lost is counted instead of it. */
  lost: number;
  /** `LostRecordCause` of all of them; `undefined`: the consumer is slow, or they have several. */
  cause?: number | undefined;
  firstSequenceNumber: number;
  lastSequenceNumber: number;
  /** They lie between these, nanoseconds since the sensor was opened. */
  firstMonotimeNanos: number;
  lastMonotimeNanos: number;
}

/** Makes the events that tell a consumer of gaps. */
export interface GapTeller<E = TelemetryEvent> {
  /** Called when a gap begins, so that its event's number is in order with its neighbours'. */
  nextSequenceNumber(): number;
  /** Called when the gap is taken out. */
  toEvent(gap: Gap): E;
}

/** Entries that were taken out are let go of when there are so many of them: to move the rest each time would cost more. */
const COMPACT = 16_384;
/** Stands for a gap where an event has its size. */
const GAP = 0;

/**
 * Events that wait for one consumer, bounded in number and bytes. What does not fit is counted in a gap, which takes the
 * place of the events that it stands for. A gap closes with the next event that fits, so there are never more gaps than
 * events.
 */
export class EventQueue {
  /** Events that were let in. */
  admitted = 0;
  /** Events that found no room, those that tell of losses not among them. */
  dropped = 0;
  /** Events that were taken out, those that tell of losses not among them. */
  taken = 0;
  readonly #limits: QueueLimits;
  readonly #gaps: GapTeller;
  #entries: (TelemetryEvent | Gap)[] = [];
  /** Of the entries: bytes of an event, negative where it tells of a loss, or {@link GAP}. */
  #sizes: number[] = [];
  /** Entries before this one were taken out. */
  #first = 0;
  #events = 0;
  #bytes = 0;
  #openGap: Gap | undefined;

  constructor(limits: QueueLimits, gaps: GapTeller) {
    this.#limits = limits;
    this.#gaps = gaps;
  }

  get length(): number {
    return this.#entries.length - this.#first;
  }

  /** Bytes of the events that wait, roughly. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Number of the first event that waits, or that was to; undefined where none does. */
  get firstSequenceNumber(): number | undefined {
    const entry = this.#entries[this.#first];
    if (entry === undefined) return undefined;
    return "lost" in entry ? entry.firstSequenceNumber : entry.sensorSequenceNumber;
  }

  /** Returns whether there was room. */
  push(event: TelemetryEvent): boolean {
    const size = eventSize(event);
    const fits = this.#events < this.#limits.events && this.#bytes + size <= this.#limits.bytes;
    if (!fits && this.#events > 0) {
      this.drop(event);
      return false;
    }
    // An event too big for the whole queue goes through alone rather than never.
    this.#openGap = undefined;
    this.#entries.push(event);
    this.#sizes.push(event.event.case === "lost" ? -size : size);
    this.#events++;
    this.#bytes += size;
    this.admitted++;
    return true;
  }

  /** Takes out what waits, up to `most` entries, gaps as events. */
  take(most: number): TelemetryEvent[] {
    const from = this.#first;
    const taken = this.#entries.slice(from, from + most);
    const sizes = this.#sizes.slice(from, from + most);
    this.#first += taken.length;
    if (this.#first === this.#entries.length) {
      this.#reset();
    } else if (this.#first > COMPACT) {
      this.#entries = this.#entries.slice(this.#first);
      this.#sizes = this.#sizes.slice(this.#first);
      this.#first = 0;
    }
    for (let at = 0; at < sizes.length; at++) {
      const size = sizes[at]!;
      if (size === GAP) {
        taken[at] = this.#gaps.toEvent(taken[at] as Gap);
      } else {
        this.#events--;
        this.#bytes -= Math.abs(size);
        if (size > 0) this.taken++;
      }
    }
    return taken as TelemetryEvent[];
  }

  /**
   * Counts an event in a gap instead of letting it in: it is the consumer's, or may be, and cannot be kept.
   *
   * @param cause `LostRecordCause` where it is not that the consumer is slow
   */
  drop({ sensorSequenceNumber, sensorMonotimeNanos, event }: TelemetryEvent, cause?: number): void {
    // What an event told to be lost is lost to this consumer as well, and told by the gap now.
    const told = event.case === "lost" ? event.value : undefined;
    const from = told?.firstMonotimeNanos ?? sensorMonotimeNanos;
    const own = told === undefined ? cause : told.cause;
    this.#openGap ??= this.#beginGap(sensorSequenceNumber, from, own);
    const gap = this.#openGap;
    if (told === undefined) this.dropped++;
    gap.lost += told === undefined ? 1 : told.lost;
    if (gap.cause !== own) gap.cause = undefined;
    gap.lastSequenceNumber = sensorSequenceNumber;
    gap.firstMonotimeNanos = Math.min(gap.firstMonotimeNanos, from);
    gap.lastMonotimeNanos = Math.max(gap.lastMonotimeNanos, sensorMonotimeNanos);
  }

  clear(): void {
    this.#reset();
    this.#events = this.#bytes = 0;
  }

  #reset(): void {
    this.#entries = [];
    this.#sizes = [];
    this.#first = 0;
    this.#openGap = undefined;
  }

  #beginGap(sequence: number, from: number, cause: number | undefined): Gap {
    const gap: Gap = {
      sequenceNumber: this.#gaps.nextSequenceNumber(),
      lost: 0,
      cause,
      firstSequenceNumber: sequence,
      lastSequenceNumber: sequence,
      firstMonotimeNanos: from,
      lastMonotimeNanos: from,
    };
    this.#entries.push(gap);
    this.#sizes.push(GAP);
    return gap;
  }
}
