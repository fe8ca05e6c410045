/** A request that waits for its turn. */
export interface WaitingRequest {
  /** Its client has taken it back. */
  readonly gone: boolean;
  /** Must not throw. */
  handle(): void;
}

/** Requests of a turn: together they take about as long as events can wait unnoticed. */
const MOST = 4;

/**
 * Lets requests have their turn between events, a few at a time, in the order in which they came: whoever sends thousands
 * waits longer himself, not those who have subscribed. What is gone when its turn comes costs next to nothing.
 */
export class RequestTurns {
  #waiting: WaitingRequest[] = [];
  #next = 0;

  /** Requests that wait, gone ones included. */
  get length(): number {
    return this.#waiting.length - this.#next;
  }

  add(request: WaitingRequest): void {
    this.#waiting.push(request);
    if (this.length === 1) setImmediate(() => this.#turn());
  }

  #turn(): void {
    for (let handled = 0; handled < MOST && this.length > 0; ) {
      const request = this.#waiting[this.#next++] as WaitingRequest;
      if (request.gone) continue;
      handled++;
      request.handle();
    }
    if (this.length > 0) setImmediate(() => this.#turn());
    else {
      this.#waiting = [];
      this.#next = 0;
    }
  }
}
