import { ContainerHold } from "./container-hold.js";
import type { ContainerMatcher } from "./container-matcher.js";
import type { TelemetryEvent } from "./event.js";
import type { ContainerLabels } from "./event-context.js";
import { EventQueue, type GapTeller } from "./event-queue.js";
import { LostRecordCause } from "./payload.js";
import type { PlannedRequest } from "./plan-request.js";
import type { SubscriptionStatus } from "./subscription-request.js";

/** Counts of one subscription. */
export interface SubscriptionCounters {
  /**
   * Events that passed its filters, and those of which it was not to be known in time whether they do; matched =
   * delivered + throttled + dropped + what waits.
   */
  matched: number;
  /** Events handed out. */
  delivered: number;
  /** Events that came too soon after the one before, by the request's `throttle`. */
  throttled: number;
  /**
   * Events that found no room in its queue, and those of containers whose runtime did not tell in time whether they are
   * among those asked for; each is part of a `lost` event.
   */
  dropped: number;
}

/** Events of a batch at most: bounds how long one takes to handle. */
const MAX_BATCH = 1024;
/** setTimeout(3)'s longest delay. */
const MAX_DELAY = 2 ** 31 - 1;

/**
 * A stream of events for one subscriber: iterate over it, once. It ends after the request's limit or duration, when the
 * sensor stops, or by {@link Subscription.close}.
 */
export class Subscription implements AsyncIterable<readonly TelemetryEvent[]>, AsyncDisposable {
  #statuses: readonly SubscriptionStatus[];
  readonly #queue: EventQueue;
  readonly #onEnd: () => void;
  readonly #containers: ContainerMatcher | undefined;
  readonly #hold: ContainerHold;
  readonly #throttle: number;
  #last: TelemetryEvent | undefined;
  #matched = 0;
  #throttled = 0;
  #lastTime = Number.NEGATIVE_INFINITY;
  #left: number;
  #timer: NodeJS.Timeout | undefined;
  #ending = false;
  #ended = false;
  #error: Error | undefined;
  #wake: (() => void) | undefined;

  /** @param onEnd called once, when nothing more can come */
  constructor(request: PlannedRequest, gaps: GapTeller, onEnd: () => void) {
    this.#statuses = request.statuses;
    this.#queue = new EventQueue(request.queue, gaps);
    this.#onEnd = onEnd;
    this.#left = request.limit;
    this.#containers = request.containers;
    this.#hold = new ContainerHold(request.containers, request.queue, {
      take: (event) => {
        if (event.event.case === "lost") this.#queue.push(event);
        else this.#take(event);
        if (this.#queue.length > 0) this.#wake?.();
      },
      giveUp: (event) => this.#giveUp(event),
    });
    this.#throttle = request.throttle;
    if (request.duration !== undefined) this.#endAfter(request.duration / 1e6);
  }

  /** What of the request is not honoured, and why; one OK where all is. */
  get statuses(): readonly SubscriptionStatus[] {
    return this.#statuses;
  }

  get counters(): SubscriptionCounters {
    return {
      matched: this.#matched,
      delivered: this.#queue.taken,
      throttled: this.#throttled,
      dropped: this.#queue.dropped,
    };
  }

  /** Entries that wait, gaps included. */
  get queued(): number {
    return this.#queue.length;
  }

  /** Bytes of the events that wait, roughly. */
  get queuedBytes(): number {
    return this.#queue.bytes;
  }

  /** Number of the first event that waits, or that was to; undefined where none does. */
  get firstSequenceNumber(): number | undefined {
    return this.#queue.firstSequenceNumber;
  }

  /** Something more is not honoured. */
  addStatuses(statuses: readonly SubscriptionStatus[]): void {
    if (statuses.length === 0) return;
    this.#statuses = [...this.#statuses.filter(({ code }) => code !== 0), ...statuses];
  }

  /** It asks for what happens in certain containers alone. */
  get isOfContainers(): boolean {
    return this.#containers !== undefined;
  }

  /** Whether an event that happens in a container, or in none, may be for this subscriber. */
  mayWant(container: ContainerLabels | undefined): boolean {
    if (this.#containers === undefined) return true;
    return container !== undefined && this.#containers.mayMatch(container);
  }

  /** Takes an event that passed the filters, and {@link mayWant}. */
  push(event: TelemetryEvent, container?: ContainerLabels): void {
    // Several of its conditions may be evaluated apart: what passes two of them comes once.
    if (this.#ended || event === this.#last) return;
    this.#last = event;
    if (this.#hold.isEmpty && (this.#containers === undefined || this.#containers.matches(container!)))
      this.#take(event);
    else this.#hold.add(event, container);
  }

  #take(event: TelemetryEvent): void {
    if (this.#ended || this.#left <= 0) return;
    this.#matched++;
    // Without a throttle an event that is known only later may be older than the one before.
    if (this.#throttle > 0 && event.sensorMonotimeNanos - this.#lastTime < this.#throttle) {
      this.#throttled++;
      return;
    }
    if (!this.#queue.push(event)) return;
    this.#lastTime = event.sensorMonotimeNanos;
    if (--this.#left === 0) this.end();
  }

  /** Counts an event of which nobody knows whether it passes the filters. */
  #giveUp(event: TelemetryEvent): void {
    if (this.#ended || this.#left <= 0) return;
    this.#matched++;
    this.#queue.drop(event, LostRecordCause.SENSOR_BUFFER);
    this.#wake?.();
  }

  /** Takes an event that tells of a loss elsewhere: beyond the limit's count. */
  pushLoss(event: TelemetryEvent): void {
    if (this.#ended) return;
    if (this.#hold.isEmpty) this.#queue.push(event);
    else this.#hold.add(event, undefined);
  }

  /** Hands what has gathered to the subscriber. */
  flush(): void {
    this.#hold.release();
    if (this.#queue.length > 0) this.#wake?.();
  }

  /** Ends the stream behind what waits; with an error, the iteration throws it there. */
  end(error?: Error): void {
    if (this.#ended || this.#ending) return;
    this.#ending = true;
    this.#hold.end();
    this.#ended = true;
    this.#error = error;
    clearTimeout(this.#timer);
    this.#onEnd();
    this.#wake?.();
  }

  /** Ends the stream at once; what waits is dropped. */
  close(): void {
    this.#queue.clear();
    this.#hold.clear();
    this.end();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<readonly TelemetryEvent[], void, void> {
    try {
      while (true) {
        const batch = this.#queue.take(MAX_BATCH);
        if (batch.length > 0) {
          yield batch;
        } else if (this.#ended) {
          if (this.#error !== undefined) throw this.#error;
          return;
        } else {
          await new Promise<void>((resolve) => {
            this.#wake = resolve;
          });
          this.#wake = undefined;
        }
      }
    } finally {
      this.close();
    }
  }

  #endAfter(milliseconds: number): void {
    const delay = Math.min(milliseconds, MAX_DELAY);
    this.#timer = setTimeout(() => {
      if (milliseconds > delay) this.#endAfter(milliseconds - delay);
      else this.end();
    }, delay);
  }
}
