/** Threads that can have something pending: beyond, the oldest are forgotten. */
const MAX_PENDING = 32_768;

/** What a thread has begun and not yet ended. A thread that dies in between leaves something behind, so it is bounded. */
export class ThreadMap<T> {
  readonly #pending = new Map<number, T>();

  get size(): number {
    return this.#pending.size;
  }

  set(tid: number, value: T): void {
    this.#pending.delete(tid);
    this.#pending.set(tid, value);
    if (this.#pending.size <= MAX_PENDING) return;
    for (const oldest of this.#pending.keys()) {
      this.#pending.delete(oldest);
      break;
    }
  }

  get(tid: number): T | undefined {
    return this.#pending.get(tid);
  }

  /** What is pending, and no longer so. */
  take(tid: number): T | undefined {
    const value = this.#pending.get(tid);
    if (value !== undefined) this.#pending.delete(tid);
    return value;
  }
}
