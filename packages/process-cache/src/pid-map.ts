/** PID_MAX_LIMIT of include/linux/threads.h for 64 bits: pids are below it. */
export const PID_LIMIT = 1 << 22;

const PAGE_BITS = 8;
const PAGE_SIZE = 1 << PAGE_BITS;

/**
 * A map by pid for hosts with many tasks: two array reads find an entry, where a `Map` of a hundred thousand misses the
 * CPU's caches more often. Pages that are empty are given back.
 */
export class PidMap<T> {
  // Made in full, since V8 would turn an array that grows by leaps into a hash table.
  readonly #pages: ((T | undefined)[] | undefined)[] = new Array(PID_LIMIT >>> PAGE_BITS).fill(undefined);
  /** How many entries a page has. */
  readonly #used = new Uint16Array(PID_LIMIT >>> PAGE_BITS);

  /** `pid`: an integer; one out of range has no entry. */
  get(pid: number): T | undefined {
    const page = this.#pages[pid >>> PAGE_BITS];
    return page === undefined ? undefined : page[pid & (PAGE_SIZE - 1)];
  }

  /** `pid`: an integer from 0 to {@link PID_LIMIT} − 1. */
  set(pid: number, value: T): void {
    const number = pid >>> PAGE_BITS;
    let page = this.#pages[number];
    if (page === undefined) {
      page = new Array(PAGE_SIZE).fill(undefined);
      this.#pages[number] = page;
    }
    if (page[pid & (PAGE_SIZE - 1)] === undefined) this.#used[number]!++;
    page[pid & (PAGE_SIZE - 1)] = value;
  }

  delete(pid: number): void {
    const number = pid >>> PAGE_BITS;
    const page = this.#pages[number];
    if (page?.[pid & (PAGE_SIZE - 1)] === undefined) return;
    page[pid & (PAGE_SIZE - 1)] = undefined;
    if (--this.#used[number]! === 0) this.#pages[number] = undefined;
  }

  /** All entries by their pid; those that come or go meanwhile may or may not be among them. */
  *values(): IterableIterator<T> {
    for (let index = 0; index < this.#pages.length; index++) {
      for (const value of this.#pages[index] ?? []) if (value !== undefined) yield value;
    }
  }
}
