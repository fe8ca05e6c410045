import type { EventId, SampleId } from "./record.js";

/** An event that a caller put into the monitor's stream. */
export interface ExternalSample extends Readonly<SampleId> {
  readonly event: EventId;
}

export interface ExternalEntry {
  readonly sample: ExternalSample;
  readonly data: unknown;
}

interface Queued extends ExternalEntry {
  readonly order: number;
}

/** Samples that may wait: more than the records of one span, whose handlers may all put some in. */
const MOST = 2 ** 20;

/** Waiting external samples by time; those of the same time in the order they came (a binary heap). */
export class ExternalQueue {
  readonly #heap: Queued[] = [];
  #order = 0;
  /** Time of the first one, `Infinity` when there is none: what the dispatch loop looks at. */
  first = Infinity;
  /** Samples that may wait. */
  readonly limit: number;

  constructor(limit = MOST) {
    this.limit = limit;
  }

  get full(): boolean {
    return this.#heap.length >= this.limit;
  }

  get length(): number {
    return this.#heap.length;
  }

  push(sample: ExternalSample, data: unknown): void {
    const heap = this.#heap;
    const entry: Queued = { sample, data, order: this.#order++ };
    let at = heap.length;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBefore(entry, heap[parent]!)) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = entry;
    this.first = heap[0]!.sample.elapsed;
  }

  pop(): ExternalEntry | undefined {
    const heap = this.#heap;
    const top = heap[0];
    const last = heap.pop();
    if (top === undefined || last === undefined) return undefined;
    if (heap.length > 0) sink(heap, last);
    this.first = heap[0]?.sample.elapsed ?? Infinity;
    return top;
  }
}

function sink(heap: Queued[], entry: Queued): void {
  let at = 0;
  for (;;) {
    let child = 2 * at + 1;
    if (child >= heap.length) break;
    if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++;
    if (!isBefore(heap[child]!, entry)) break;
    heap[at] = heap[child]!;
    at = child;
  }
  heap[at] = entry;
}

function isBefore(a: Queued, b: Queued): boolean {
  return a.sample.elapsed < b.sample.elapsed || (a.sample.elapsed === b.sample.elapsed && a.order < b.order);
}
