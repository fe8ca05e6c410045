import { create, fromBinary } from "@bufbuild/protobuf";
import {
  EventEncoder,
  type EventInit,
  type GetEventsResponse,
  GetEventsResponseSchema,
  joinEvents,
} from "@kernscope/telemetry-api";
import type { ServiceLimits } from "./limits.js";

const LENGTH_DELIMITED = 2;

/**
 * Makes responses of events. Each event is encoded once, however many subscribers it goes to.
 */
export class EventMessages {
  readonly #encoder = new EventEncoder();
  readonly #limits: Pick<ServiceLimits, "responseBytes" | "responseEvents">;
  /** Keyed by the event object, which the sensor hands to all subscribers. */
  readonly #encoded = new WeakMap<EventInit, Uint8Array>();

  constructor(limits: Pick<ServiceLimits, "responseBytes" | "responseEvents">) {
    this.#limits = limits;
  }

  /**
   * Returns the responses that carry a batch.
   *
   * @param shared whether other subscribers may get these events too
   * @param json whether the client gets JSON: then the messages have fields. For the others they have the encoded events
   *   in their unknown fields, which protobuf-es writes as they are.
   */
  *responses(batch: readonly EventInit[], shared: boolean, json: boolean): Generator<GetEventsResponse> {
    const publishTimeMicros = Date.now() * 1000;
    let chunks: Uint8Array[] = [];
    let size = 0;
    for (const event of batch) {
      const chunk = this.#encode(event, publishTimeMicros, shared);
      if (
        chunks.length === this.#limits.responseEvents ||
        (size > 0 && size + chunk.length > this.#limits.responseBytes)
      ) {
        yield responseOf(chunks, json);
        chunks = [];
        size = 0;
      }
      chunks.push(chunk);
      size += chunk.length;
    }
    if (chunks.length > 0) yield responseOf(chunks, json);
  }

  #encode(event: EventInit, publishTimeMicros: number, shared: boolean): Uint8Array {
    // Entries of a WeakMap cost the garbage collector more than encoding, so a lone subscriber goes without.
    if (!shared) return this.#encoded.get(event) ?? this.#encoder.encodeReceivedEvent({ publishTimeMicros, event });
    let chunk = this.#encoded.get(event);
    if (chunk === undefined) {
      chunk = this.#encoder.encodeReceivedEvent({ publishTimeMicros, event });
      this.#encoded.set(event, chunk);
    }
    return chunk;
  }
}

function responseOf(chunks: readonly Uint8Array[], json: boolean): GetEventsResponse {
  const bytes = joinEvents(chunks);
  if (json) return fromBinary(GetEventsResponseSchema, bytes);
  const response = create(GetEventsResponseSchema);
  const { number } = GetEventsResponseSchema.field.events;
  // The tag of the first event is written with the unknown field; those of the others are part of its bytes.
  response.$unknown = [{ no: number, wireType: LENGTH_DELIMITED, data: bytes.subarray(1) }];
  return response;
}
