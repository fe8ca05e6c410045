import { Code, ConnectError } from "@connectrpc/connect";
import type { EventSubscription } from "./event-provider.js";

/** The subscriptions of all clients. */
export class OpenSubscriptions {
  readonly #most: number;
  readonly #open = new Set<EventSubscription>();
  #opening = 0;
  #stopped = false;

  /** @param most how many there may be at a time */
  constructor(most: number) {
    this.#most = most;
  }

  get size(): number {
    return this.#open.size;
  }

  /**
   * Opens one, which is released when `signal` fires.
   *
   * @throws ConnectError ResourceExhausted when there are enough, Unavailable after {@link end}; the signal's reason
   */
  async open(subscribe: () => Promise<EventSubscription>, signal: AbortSignal): Promise<EventSubscription> {
    this.#assertRunning();
    if (this.#open.size + this.#opening >= this.#most) {
      const message = `the service has its ${this.#most} subscriptions – end one, or try again later`;
      throw new ConnectError(message, Code.ResourceExhausted);
    }
    this.#opening++;
    let subscription: EventSubscription;
    try {
      subscription = await subscribe();
    } finally {
      this.#opening--;
    }
    try {
      signal.throwIfAborted();
      this.#assertRunning();
    } catch (error) {
      subscription.close();
      throw error;
    }
    this.#open.add(subscription);
    signal.addEventListener("abort", () => this.release(subscription), { once: true });
    return subscription;
  }

  /** Closes and forgets one; may be called again. */
  release(subscription: EventSubscription): void {
    this.#open.delete(subscription);
    subscription.close();
  }

  /** Ends all, each behind what it has waiting, and lets no other begin. */
  end(): void {
    this.#stopped = true;
    for (const subscription of this.#open) subscription.end();
  }

  /** Ends all at once. */
  close(): void {
    this.#stopped = true;
    for (const subscription of this.#open) subscription.close();
  }

  #assertRunning(): void {
    if (this.#stopped) throw new ConnectError("the service is about to stop – connect again later", Code.Unavailable);
  }
}
