import type { SeenEnd } from "./container-registry.js";

/** The last ends of processes: a runtime may tell of a beginning after the kernel told of the end. */
export class RecentEnds {
  readonly #limit: number;
  readonly #ends = new Map<number, SeenEnd>();

  constructor(limit = 4096) {
    this.#limit = limit;
  }

  add(pid: number, end: SeenEnd): void {
    this.#ends.delete(pid);
    this.#ends.set(pid, end);
    if (this.#ends.size > this.#limit) this.#ends.delete(this.#ends.keys().next().value as number);
  }

  get(pid: number): SeenEnd | undefined {
    return this.#ends.get(pid);
  }
}
