import type { EventInit } from "@kernscope/telemetry-api";

/** A form in which clients get events, such as JSON lines. */
export interface EventForm {
  readonly name: string;
  /** The bytes that a client is sent for a block. */
  encode(block: EventBlock): Uint8Array;
}

/**
 * A run of events that go out together. Each form of it is made once, for all clients that get it. Its bytes are written
 * again when all who held it have released it; who cannot tell when does not release it.
 */
export class EventBlock {
  readonly events: readonly EventInit[];
  /** A `GetEventsResponse` in the envelope of gRPC and its kin. */
  readonly response: Uint8Array;
  readonly #onFree: ((response: Uint8Array) => void) | undefined;
  readonly #forms = new Map<EventForm, Uint8Array>();
  #holders = 0;

  constructor(events: readonly EventInit[], response: Uint8Array, onFree?: (response: Uint8Array) => void) {
    this.events = events;
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

  /** Bytes that the block holds, roughly. */
  get size(): number {
    return this.response.length;
  }

  as(form: EventForm): Uint8Array {
    let bytes = this.#forms.get(form);
    if (bytes === undefined) {
      bytes = form.encode(this);
      this.#forms.set(form, bytes);
    }
    return bytes;
  }
}

/** gRPC's own form. */
export const grpcForm: EventForm = { name: "grpc", encode: (block) => block.response };
