/** PID_MAX_LIMIT of include/linux/threads.h for 64 bits: pids are below it. */
export const PID_LIMIT = 1 << 22;

const PAGE_BITS = 8;
const PAGE_SIZE = 1 << PAGE_BITS;

interface Page<T> {
  readonly slots: (T | undefined)[];
  used: number;
}

/**
 * A map by pid for hosts with many tasks: two array reads find an entry, where a `Map` of a hundred thousand misses the
 * CPU's caches more often. Pages that are empty are given back.
 */
export class PidMap<T> {
  // Made in full, since V8 would turn an array that grows by leaps into a hash table.
  readonly #pages: (Page<T> | undefined)[] = new Array(PID_LIMIT >>> PAGE_BITS).fill(undefined);

  /** `pid`: an integer; one out of range has no entry. */
  get(pid: number): T | undefined {
    const page = this.#pages[pid >>> PAGE_BITS];
    return page === undefined ? undefined : page.slots[pid & (PAGE_SIZE - 1)];
  }

  /** `pid`: an integer from 0 to {@link PID_LIMIT} − 1. */
  set(pid: number, value: T): void {
    let page = this.#pages[pid >>> PAGE_BITS];
    if (page === undefined) {
      page = { slots: new Array(PAGE_SIZE).fill(undefined), used: 0 };
      this.#pages[pid >>> PAGE_BITS] = page;
    }
    if (page.slots[pid & (PAGE_SIZE - 1)] === undefined) page.used++;
    page.slots[pid & (PAGE_SIZE - 1)] = value;
  }

  delete(pid: number): void {
    const page = this.#pages[pid >>> PAGE_BITS];
    if (page?.slots[pid & (PAGE_SIZE - 1)] === undefined) return;
    page.slots[pid & (PAGE_SIZE - 1)] = undefined;
    page.used--;
    if (page.used === 0) this.#pages[pid >>> PAGE_BITS] = undefined;
  }

  /** All entries by their pid; those that come or go meanwhile may or may not be among them. */
  *values(): IterableIterator<T> {
    for (let index = 0; index < this.#pages.length; index++) {
      for (const value of this.#pages[index]?.slots ?? []) if (value !== undefined) yield value;
    }
  }
}
