import type { Gap, GapTeller } from "@kernscope/sensor";
import type { EventInit } from "@kernscope/telemetry-api";
import { ClientQueue, type ClientQueueLimits, isGap } from "./client-queue.js";
import type { EventBlock } from "./event-block.js";

/** What a stream needs of those who made it. */
export interface ClientStreamParts {
  readonly limits: ClientQueueLimits;
  readonly gaps: GapTeller<EventInit>;
  /** Makes the block that tells of a gap. */
  readonly gapBlock: (gap: Gap) => EventBlock;
  /** Called once, when nothing more can come in. */
  readonly onEnd: (stream: ClientStream) => void;
}

/** The blocks of events for one client: put in by its feed, taken out as fast as the client reads, once. */
export class ClientStream implements AsyncIterable<EventBlock> {
  /** Bytes that were taken out and that the client has not taken yet. */
  underWay = 0;
  readonly #queue: ClientQueue;
  readonly #parts: ClientStreamParts;
  #ended = false;
  #error: unknown;
  #wake: (() => void) | undefined;
  #drained: (() => void) | undefined;

  constructor(parts: ClientStreamParts) {
    this.#parts = parts;
    this.#queue = new ClientQueue(parts.limits, parts.gaps);
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Events that wait. */
  get queued(): number {
    return this.#queue.events;
  }

  /** Bytes that wait, or are under way. */
  get queuedBytes(): number {
    return this.#queue.bytes + this.underWay;
  }

  /** Number of the first event that waits, or that was to; undefined where none does. */
  get firstSequenceNumber(): number | undefined {
    return this.#queue.firstSequenceNumber;
  }

  /** Events that found no room; each is part of a gap that is told. */
  get dropped(): number {
    return this.#queue.dropped;
  }

  push(block: EventBlock): void {
    if (this.#ended) return;
    this.#queue.push(block);
    this.#wake?.();
  }

  /** Resolves when nothing waits any more, or the stream ended. */
  async drained(): Promise<void> {
    while (this.#queue.length > 0 && !this.#ended) {
      await new Promise<void>((resolve) => {
        this.#drained = resolve;
      });
    }
  }

  /** Ends the stream behind what waits; with an error, taking fails with it there. */
  end(error?: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#error = error;
    this.#parts.onEnd(this);
    this.#wake?.();
    this.#drained?.();
  }

  /** Ends the stream at once; what waits is dropped. May be called again. */
  close(): void {
    this.#queue.clear();
    this.end();
    this.#wake?.();
  }

  /** Resolves with the next block, for the caller to release, with undefined behind the last one; rejects where the stream ended with an error. */
  async next(): Promise<EventBlock | undefined> {
    while (true) {
      const entry = this.#queue.take();
      if (this.#queue.length === 0) this.#drained?.();
      if (entry !== undefined) return isGap(entry) ? this.#gapBlock(entry) : entry;
      if (this.#ended) {
        if (this.#error !== undefined) throw this.#error;
        return undefined;
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = undefined;
    }
  }

  #gapBlock(gap: Gap): EventBlock {
    const block = this.#parts.gapBlock(gap);
    block.hold();
    return block;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<EventBlock, void, void> {
    for (let block = await this.next(); block !== undefined; block = await this.next()) yield block;
  }
}
