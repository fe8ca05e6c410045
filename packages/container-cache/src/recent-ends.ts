import type { SeenEnd } from "./container-registry.js";

/**
 * The last ends of processes: a runtime may tell of a beginning after the kernel told of the end. Every process ends and
 * hardly one is asked for, so adding is to be cheap, not finding.
 */
export class RecentEnds {
  readonly #pids: Int32Array;
  readonly #ends: (SeenEnd | undefined)[];
  #next = 0;

  constructor(limit = 4096) {
    this.#pids = new Int32Array(limit);
    this.#ends = new Array(limit).fill(undefined);
  }

  add(pid: number, end: SeenEnd): void {
    this.#pids[this.#next] = pid;
    this.#ends[this.#next] = end;
    this.#next = (this.#next + 1) % this.#pids.length;
  }

  /** The last end of a process of that pid. */
  get(pid: number): SeenEnd | undefined {
    const index = this.#pids.lastIndexOf(pid, this.#next - 1);
    // What lies behind the newest one is the oldest.
    return this.#ends[index < 0 ? this.#pids.lastIndexOf(pid) : index];
  }
}
