import type { EventInit } from "@kernscope/telemetry-api";

/** A form in which clients get events, such as JSON lines. */
export interface EventForm {
  readonly name: string;
  /** The bytes that a client is sent for a block. */
  encode(block: EventBlock): Uint8Array;
}

/** A run of events that go out together. Each form of it is made once, for all clients that get it. */
export class EventBlock {
  readonly events: readonly EventInit[];
  /** A `GetEventsResponse` in the envelope of gRPC and its kin. */
  readonly response: Uint8Array;
  readonly #forms = new Map<EventForm, Uint8Array>();

  constructor(events: readonly EventInit[], response: Uint8Array) {
    this.events = events;
    this.response = response;
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
