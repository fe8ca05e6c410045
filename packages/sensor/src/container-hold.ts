import type { ContainerMatcher } from "./container-matcher.js";
import { eventSize, type TelemetryEvent } from "./event.js";
import type { ContainerLabels } from "./event-context.js";
import type { QueueLimits } from "./event-queue.js";
import { withContainer } from "./sensor-event.js";

/** Milliseconds that events are held at most: a runtime tells of a container within tens of those. */
const LONGEST = 1000;
/** Entries that were let go are taken out when there are so many of them: to move the rest each time would cost more. */
const COMPACT = 1024;

interface Held {
  readonly event: TelemetryEvent;
  /** `undefined`: it is for the subscriber, and waits for its turn only. */
  readonly container: ContainerLabels | undefined;
  readonly size: number;
  readonly until: number;
}

/** Gets what is not held any more, in order. */
export interface HoldOutlet {
  /** An event that is for the subscriber. */
  take(event: TelemetryEvent): void;
  /** One that may be: it was not to be known in time. */
  giveUp(event: TelemetryEvent): void;
}

/**
 * Holds events of containers that just began, until the runtime has told their names and images, and what comes behind
 * them, so that the order stays. What nothing is told of in time, or for which there is no room, is judged by what is
 * known then; it is given up where that decides nothing.
 */
export class ContainerHold {
  readonly #matcher: ContainerMatcher | undefined;
  readonly #limits: QueueLimits;
  readonly #outlet: HoldOutlet;
  #held: Held[] = [];
  /** Entries before this one were let go. */
  #first = 0;
  #bytes = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(matcher: ContainerMatcher | undefined, limits: QueueLimits, outlet: HoldOutlet) {
    this.#matcher = matcher;
    this.#limits = limits;
    this.#outlet = outlet;
  }

  get length(): number {
    return this.#held.length - this.#first;
  }

  get isEmpty(): boolean {
    return this.#held.length === this.#first;
  }

  add(event: TelemetryEvent, container: ContainerLabels | undefined): void {
    const size = eventSize(event);
    this.#held.push({ event, container, size, until: performance.now() + LONGEST });
    this.#bytes += size;
    while (this.length > 1 && (this.length > this.#limits.events || this.#bytes > this.#limits.bytes)) this.#judge(1);
    this.#wait();
  }

  /** Lets go, in order, what need not wait any more. */
  release(): void {
    if (this.isEmpty) return;
    const now = performance.now();
    let at = this.#first;
    while (at < this.#held.length && !this.#mustWait(this.#held[at]!, now)) at++;
    this.#judge(at - this.#first);
    this.#wait();
  }

  /** Judges all by what is known now. */
  end(): void {
    this.#judge(this.length);
    this.clear();
  }

  clear(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#held = [];
    this.#first = this.#bytes = 0;
  }

  #mustWait({ container, until }: Held, now: number): boolean {
    return container?.settled === false && until > now && !this.#matcher?.matches(container);
  }

  #judge(count: number): void {
    if (count === 0) return;
    const judged = this.#held.slice(this.#first, this.#first + count);
    this.#first += count;
    if (this.#first > COMPACT || this.isEmpty) {
      this.#held = this.#held.slice(this.#first);
      this.#first = 0;
    }
    for (const { size } of judged) this.#bytes -= size;
    for (const { event, container } of judged) {
      if (container === undefined) this.#outlet.take(event);
      else if (this.#matcher?.matches(container)) this.#outlet.take(withContainer(event, container));
      else if (this.#matcher?.isUndecided(container)) this.#outlet.giveUp(event);
    }
  }

  #wait(): void {
    if (this.isEmpty || this.#timer !== undefined) return;
    this.#timer = setTimeout(
      () => {
        this.#timer = undefined;
        this.release();
      },
      Math.max(1, this.#held[this.#first]!.until - performance.now()),
    );
    this.#timer.unref();
  }
}
