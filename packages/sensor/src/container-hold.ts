import type { ContainerMatcher } from "./container-matcher.js";
import type { TelemetryEvent } from "./event.js";
import type { ContainerLabels } from "./event-context.js";

/** Events that are held at most, and for how long, in milliseconds: a runtime tells of a container within tens of those. */
const MAX_HELD = 1024;
const LONGEST = 1000;

interface Held {
  readonly event: TelemetryEvent;
  /** `undefined`: it is for the subscriber, and waits for its turn only. */
  readonly container: ContainerLabels | undefined;
  readonly until: number;
}

/**
 * Holds events of containers that just began, until the runtime has told their names and images, and what comes behind
 * them, so that the order stays. What nothing is told of in time, or for which there is no room, is judged by what is
 * known then.
 */
export class ContainerHold {
  readonly #matcher: ContainerMatcher | undefined;
  readonly #take: (event: TelemetryEvent) => void;
  #held: Held[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(matcher: ContainerMatcher | undefined, take: (event: TelemetryEvent) => void) {
    this.#matcher = matcher;
    this.#take = take;
  }

  get isEmpty(): boolean {
    return this.#held.length === 0;
  }

  add(event: TelemetryEvent, container: ContainerLabels | undefined): void {
    this.#held.push({ event, container, until: performance.now() + LONGEST });
    if (this.#held.length > MAX_HELD) this.#judge(1);
    this.#wait();
  }

  /** Lets go, in order, what need not wait any more. */
  release(): void {
    if (this.#held.length === 0) return;
    const now = performance.now();
    const waiting = this.#held.findIndex(
      ({ container, until }) => container?.settled === false && until > now && !this.#matcher?.matches(container),
    );
    this.#judge(waiting < 0 ? this.#held.length : waiting);
    this.#wait();
  }

  /** Judges all by what is known now. */
  end(): void {
    this.#judge(this.#held.length);
    this.clear();
  }

  clear(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#held = [];
  }

  #judge(count: number): void {
    for (const { event, container } of this.#held.splice(0, count)) {
      if (container === undefined || this.#matcher?.matches(container)) this.#take(event);
    }
  }

  #wait(): void {
    if (this.#held.length === 0 || this.#timer !== undefined) return;
    this.#timer = setTimeout(
      () => {
        this.#timer = undefined;
        this.release();
      },
      Math.max(1, this.#held[0]!.until - performance.now()),
    );
    this.#timer.unref();
  }
}
