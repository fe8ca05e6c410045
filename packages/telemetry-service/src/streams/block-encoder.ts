import { EventEncoder, type EventInit, ResponseEncoder } from "@kernscope/telemetry-api";
import type { ServiceLimits } from "../limits.js";
import { EventBlock, factsOf } from "./event-block.js";

type Limits = Pick<ServiceLimits, "responseBytes" | "responseEvents">;

/** Makes blocks of events: each event is encoded once, however many streams it is part of. */
export class BlockEncoder {
  readonly #limits: Limits;
  readonly #responses = new ResponseEncoder();
  readonly #reuse = (response: Uint8Array) => this.#responses.reuse(response);
  readonly #events = new EventEncoder();
  /** Keyed by the event object, which the sensor hands to all its subscriptions. */
  readonly #encoded = new WeakMap<EventInit, Uint8Array>();

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  /**
   * Returns the blocks that carry a batch.
   *
   * @param shared whether these events may be part of other streams too. Entries of a WeakMap cost the garbage collector
   *   more than encoding, so a lone stream goes without
   */
  blocks(batch: readonly EventInit[], shared: boolean): EventBlock[] {
    const { responseEvents, responseBytes } = this.#limits;
    const blocks: EventBlock[] = [];
    const publishTimeMicros = Date.now() * 1000;
    const responses = this.#responses;
    for (let from = 0; from < batch.length; ) {
      responses.start();
      let to = from;
      let size = 0;
      while (to < batch.length && to - from < responseEvents && size < responseBytes) {
        const event = batch[to++] as EventInit;
        size = shared
          ? responses.addEncoded(this.#encode(event, publishTimeMicros))
          : responses.add(event, publishTimeMicros);
      }
      blocks.push(new EventBlock(factsOf(batch, from, to), responses.finish(), this.#reuse));
      from = to;
    }
    return blocks;
  }

  #encode(event: EventInit, publishTimeMicros: number): Uint8Array {
    let bytes = this.#encoded.get(event);
    if (bytes === undefined) {
      bytes = this.#events.encodeReceivedEvent({ publishTimeMicros, event });
      this.#encoded.set(event, bytes);
    }
    return bytes;
  }
}
