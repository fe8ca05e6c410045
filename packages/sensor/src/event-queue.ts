import { eventSize, type TelemetryEvent } from "./event.js";

/** How much may wait for a slow consumer. */
export interface QueueLimits {
  /** Default 65,536. */
  events: number;
  /** Bytes of the events, roughly. Default 32 MiB. */
  bytes: number;
}

export const defaultQueueLimits: QueueLimits = { events: 65_536, bytes: 32 * 1024 * 1024 };

/** A run of events that found no room, one after the other. */
export interface Gap {
  /** Of the event that tells of it. */
  sequenceNumber: number;
  lost: number;
  firstSequenceNumber: number;
  lastSequenceNumber: number;
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
  /** Events that found no room. */
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
      this.#drop(event);
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

  #drop({ sensorSequenceNumber, sensorMonotimeNanos }: TelemetryEvent): void {
    this.dropped++;
    const gap = this.#openGap;
    if (gap !== undefined) {
      gap.lost++;
      gap.lastSequenceNumber = sensorSequenceNumber;
      gap.lastMonotimeNanos = sensorMonotimeNanos;
      return;
    }
    this.#openGap = {
      sequenceNumber: this.#gaps.nextSequenceNumber(),
      lost: 1,
      firstSequenceNumber: sensorSequenceNumber,
      lastSequenceNumber: sensorSequenceNumber,
      firstMonotimeNanos: sensorMonotimeNanos,
      lastMonotimeNanos: sensorMonotimeNanos,
    };
    this.#entries.push(this.#openGap);
    this.#sizes.push(GAP);
  }
}
