import { setTimeout } from "node:timers/promises";
import type { SubscriptionStatus } from "@kernscope/sensor";
import type { EventInit } from "@kernscope/telemetry-api";
import type { EventSubscription } from "../event-provider.js";
import type { ClientStream } from "./client-stream.js";
import type { EventBlock } from "./event-block.js";

/** What a feed needs of those who made it. */
export interface FeedParts {
  readonly blocks: (batch: readonly EventInit[]) => EventBlock[];
  /** Longest pause between two batches, in milliseconds. */
  readonly batchTime: number;
  /** Told of each batch that goes out. */
  readonly onBatch: (batch: readonly EventInit[]) => void;
  /** What streams end with when no more comes; undefined where they had what they asked for. */
  readonly endError: () => unknown;
  /** Called once, when nothing more can come. */
  readonly onEnd: (feed: Feed) => void;
}

/** Events for which a pause of a millisecond is worth it: so many cost less together by more than what they wait. */
const EVENTS_A_MILLISECOND = 16;
/** Blocks whose forms are kept for the other clients: about two batches. */
const FRESH = 8;
/** A batch this long is not the last one that waits: the sensor hands out no longer ones. */
const FULL_BATCH = 1024;

/** One subscription of the sensor, for all clients that asked for the same. */
export class Feed {
  readonly #subscription: EventSubscription;
  readonly #parts: FeedParts;
  readonly #streams = new Set<ClientStream>();
  readonly #shared: boolean;
  /** The latest blocks. */
  readonly #fresh: EventBlock[] = [];
  #running = false;
  #ended = false;

  /**
   * @param shared whether more than one client may come. A lone one that is slow holds the sensor's subscription up,
   *   whose own queue then counts; where there may be others, each has a queue of its own
   */
  constructor(subscription: EventSubscription, shared: boolean, parts: FeedParts) {
    this.#subscription = subscription;
    this.#shared = shared;
    this.#parts = parts;
  }

  get statuses(): readonly SubscriptionStatus[] {
    return this.#subscription.statuses;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Entries that wait in the sensor. */
  get queued(): number {
    return this.#subscription.queued ?? 0;
  }

  /** Bytes that wait in the sensor. */
  get queuedBytes(): number {
    return this.#subscription.queuedBytes ?? 0;
  }

  /** Number of the first event that waits in the sensor; undefined where none does. */
  get firstSequenceNumber(): number | undefined {
    return this.#subscription.firstSequenceNumber;
  }

  /** Lets a client have what comes from now on. */
  join(stream: ClientStream): void {
    this.#streams.add(stream);
    if (this.#running) return;
    this.#running = true;
    void this.#run();
  }

  /** The last one to leave ends the feed. */
  leave(stream: ClientStream): void {
    if (this.#streams.delete(stream) && this.#streams.size === 0) this.close();
  }

  /** Ends it behind what waits in the sensor. */
  end(): void {
    this.#subscription.end();
    if (!this.#running) this.#finish(this.#parts.endError());
  }

  /** Ends it at once. */
  close(): void {
    this.#subscription.close();
    this.#finish();
  }

  async #run(): Promise<void> {
    let error: unknown;
    try {
      for await (const batch of this.#subscription) {
        this.#parts.onBatch(batch);
        for (const block of this.#parts.blocks(batch)) this.#handOut(block);
        if (!this.#shared) for (const stream of this.#streams) await stream.drained();
        if (this.#ended) break;
        const pause = Math.min(this.#parts.batchTime, Math.floor(batch.length / EVENTS_A_MILLISECOND));
        if (pause > 0 && batch.length < FULL_BATCH) await setTimeout(pause);
      }
      error = this.#parts.endError();
    } catch (cause) {
      error = cause;
      this.#subscription.close();
    }
    this.#finish(error);
  }

  #handOut(block: EventBlock): void {
    block.hold();
    for (const stream of this.#streams) stream.push(block);
    block.release();
    this.#fresh.push(block);
    if (this.#fresh.length > FRESH) this.#fresh.shift()?.forgetForms();
  }

  #finish(error?: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#parts.onEnd(this);
    for (const stream of [...this.#streams]) stream.end(error);
    this.#streams.clear();
  }
}
