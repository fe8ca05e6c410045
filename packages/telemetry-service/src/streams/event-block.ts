import type { EventInit } from "@kernscope/telemetry-api";

/** A form in which clients get events, such as JSON lines. */
export interface EventForm {
  readonly name: string;
  /** The bytes that a client is sent for a block. */
  encode(block: EventBlock): Uint8Array;
}

/** What is left to know of a block's events when they are encoded: they themselves take several times as much memory. */
export interface BlockFacts {
  /** Events, those that tell of losses among them. */
  readonly events: number;
  /** Those that tell of losses. */
  readonly losses: number;
  /** What a client loses that does not get the block: its events, and what those that tell of losses tell. */
  readonly worth: number;
  /** Number of the first event, or of the first one that it tells to be lost. */
  readonly firstSequenceNumber: number;
  /** Number of the last event, or of the last one that it tells to be lost. */
  readonly lastSequenceNumber: number;
  readonly firstMonotimeNanos: number;
  readonly lastMonotimeNanos: number;
  /** When the first one happened, in nanoseconds of Unix time; undefined where it does not say. */
  readonly unixTimeNanos: number | undefined;
}

/**
 * A run of events that go out together. Each form of it is made once, for all clients that get it. Its bytes are written
 * again when all who held it have released it; who cannot tell when does not release it.
 */
export class EventBlock {
  readonly facts: BlockFacts;
  /** A `GetEventsResponse` in the envelope of gRPC and its kin. */
  readonly response: Uint8Array;
  readonly #onFree: ((response: Uint8Array) => void) | undefined;
  #forms: Map<EventForm, Uint8Array> | undefined = new Map();
  #holders = 0;

  constructor(facts: BlockFacts, response: Uint8Array, onFree?: (response: Uint8Array) => void) {
    this.facts = facts;
    this.response = response;
    this.#onFree = onFree;
  }

  hold(): void {
    this.#holders++;
  }

  /** Once for each {@link hold}, when the bytes are not read any more. */
  release(): void {
    if (--this.#holders === 0) this.#onFree?.(this.response);
  }

  /** Bytes that the block holds, but for forms, which it does not keep for long. */
  get size(): number {
    const { length, buffer } = this.response;
    // One that takes most of its buffer has it for itself.
    return length > buffer.byteLength / 2 ? buffer.byteLength : length;
  }

  as(form: EventForm): Uint8Array {
    let bytes = this.#forms?.get(form);
    if (bytes === undefined) {
      bytes = form.encode(this);
      this.#forms?.set(form, bytes);
    }
    return bytes;
  }

  /** From now on it keeps no forms: who comes this late makes one for himself. */
  forgetForms(): void {
    this.#forms = undefined;
  }
}

/** gRPC's own form. */
export const grpcForm: EventForm = { name: "grpc", encode: (block) => block.response };

/** The facts of `events[from]` to before `events[to]`, which are one at least. */
export function factsOf(events: readonly EventInit[], from: number, to: number): BlockFacts {
  let losses = 0;
  let worth = to - from;
  for (let at = from; at < to; at++) {
    const { event } = events[at] as EventInit;
    if (event?.case !== "lost") continue;
    losses++;
    worth += Number(event.value.lost ?? 0) - 1;
  }
  const first = events[from] as EventInit;
  const last = events[to - 1] as EventInit;
  return {
    events: to - from,
    losses,
    worth,
    firstSequenceNumber: lossOf(first)?.firstSequenceNumber || Number(first.sensorSequenceNumber ?? 0),
    lastSequenceNumber: Math.max(Number(last.sensorSequenceNumber ?? 0), lossOf(last)?.lastSequenceNumber ?? 0),
    firstMonotimeNanos: Number(first.sensorMonotimeNanos ?? 0),
    lastMonotimeNanos: Number(last.sensorMonotimeNanos ?? 0),
    unixTimeNanos: first.unixTimeNanos === undefined ? undefined : Number(first.unixTimeNanos),
  };
}

/** Numbers of the events that an event tells to be lost, 0 where they had none. */
function lossOf({ event }: EventInit) {
  if (event?.case !== "lost") return undefined;
  const { firstSequenceNumber, lastSequenceNumber } = event.value;
  return { firstSequenceNumber: Number(firstSequenceNumber ?? 0), lastSequenceNumber: Number(lastSequenceNumber ?? 0) };
}
