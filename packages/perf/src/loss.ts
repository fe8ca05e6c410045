import type { EventCount, RecordSource } from "@kernscope/perf-native";
import type { EventId } from "./record.js";
import type { Registration } from "./registration.js";

/** What the kernel says of one event on one CPU, and, where pids are watched, one process. */
export interface LossByCpu {
  cpu: number;
  pid: number;
  /** Times the event happened and passed its filter. */
  hits: bigint;
  /** Samples that found no room in the ring; `undefined` before Linux 6.0. */
  lost: bigint | undefined;
}

export interface EventLoss {
  id: EventId;
  name: string;
  /** Times the event happened and passed its filter while it was enabled. */
  hits: bigint;
  /** Samples that found no room in a ring; `undefined` before Linux 6.0. */
  lost: bigint | undefined;
  /** Records handed to its handlers. */
  delivered: number;
  /** Records that came after it was unregistered. */
  discarded: number;
  byCpu: LossByCpu[];
}

/** Where events were lost since the monitor was opened: hits = delivered + discarded + lost + what is still in the rings. */
export interface LossReport {
  /** Of all kernel events, those that are unregistered by now included. */
  total: { hits: bigint; lost: bigint | undefined; delivered: number };
  events: EventLoss[];
  /** Records that came after younger ones. */
  late: number;
  /** Records that were cut short or unreadable. */
  corrupt: number;
  /** Records of no event that is open. */
  unknown: number;
  /** What `PERF_RECORD_LOST` said in sum: a lower bound that says not whose records they were. */
  ringLost: number;
  /** How often the reader had to leave records in the kernel's rings because JavaScript was behind. */
  stalls: number;
}

export interface LossAccountInit {
  source: RecordSource;
  /** By event id. */
  registrations: readonly (Registration | undefined)[];
  /** Records whose raw data was too short for their format. */
  shortRecords: () => number;
  /** Milliseconds between two looks at the counts while records flow. */
  interval: number;
  /** What went wrong when the counts were read unasked. */
  onError: (error: unknown) => void;
}

/** Keeps the account of what was lost, and tells when it grows. */
export class LossAccount {
  readonly #init: LossAccountInit;
  readonly #listeners = new Set<(report: LossReport) => void>();
  readonly #closed = { hits: 0n, lost: 0n as bigint | undefined, delivered: 0 };
  #timer: NodeJS.Timeout | undefined;
  #told = "0,0,0,0,0";
  #stopped = false;

  constructor(init: LossAccountInit) {
    this.#init = init;
  }

  /** Calls `listener` with a report whenever something more was lost. Returns the listener's removal. */
  onLoss(listener: (report: LossReport) => void): () => void {
    // A function of its own, so that the same listener twice is two.
    const entry = (report: LossReport) => listener(report);
    this.#listeners.add(entry);
    return () => this.#listeners.delete(entry);
  }

  async report(): Promise<LossReport> {
    const { source, registrations, shortRecords } = this.#init;
    const open = registrations.filter((each): each is Registration => each?.opened === true && !each.retired);
    const counted = await Promise.all(open.map((registration) => this.#count(registration)));
    const events = counted.filter((event) => event !== undefined);
    const total = { ...this.#closed };
    for (const event of events) addTo(total, event);
    const { late, corrupt, unknown, lost, stalls } = source.stats();
    return { total, events, late, corrupt: corrupt + shortRecords(), unknown, ringLost: lost, stalls };
  }

  /** Adds the last counts of an event that is about to be closed to the total. */
  async retire(registration: Registration): Promise<void> {
    const counts = await this.#init.source.counts(registration.id);
    // What it delivers is complete only when it is closed.
    registration.retired = true;
    addTo(this.#closed, { ...eventLoss(registration, counts), delivered: 0 });
  }

  /** The event is closed: its records are part of the total from now on. */
  retired(registration: Registration): void {
    this.#closed.delivered += registration.delivered;
  }

  /** Records were dispatched: looks at the counts before long, once more after the last record. */
  recordsFlowed(): void {
    if (this.#timer !== undefined || this.#stopped || this.#listeners.size === 0) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.check().catch((error) => this.#stopped || this.#init.onError(error));
    }, this.#init.interval);
    this.#timer.unref();
  }

  /** Compares with what was told last, and tells the listeners what is new. */
  async check(): Promise<void> {
    if (this.#listeners.size === 0 || this.#stopped) return;
    const report = await this.report();
    const state = `${report.total.lost},${report.ringLost},${report.late},${report.corrupt},${report.unknown}`;
    if (this.#stopped || state === this.#told) return;
    this.#told = state;
    for (const listener of [...this.#listeners]) listener(report);
  }

  /** `undefined` when the event was closed meanwhile. */
  async #count(registration: Registration): Promise<EventLoss | undefined> {
    try {
      const counts = await this.#init.source.counts(registration.id);
      return registration.retired ? undefined : eventLoss(registration, counts);
    } catch (error) {
      if (registration.retired) return undefined;
      throw error;
    }
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }
}

function eventLoss(registration: Registration, counts: readonly EventCount[]): EventLoss {
  const { id, name, delivered, discarded } = registration;
  const byCpu = counts.map(({ cpu, pid, value, lost }) => ({ cpu, pid, hits: value, lost }));
  const sum = { hits: 0n, lost: 0n as bigint | undefined };
  for (const { hits, lost } of byCpu) {
    sum.hits += hits;
    sum.lost = addLost(sum.lost, lost);
  }
  return { id, name, ...sum, delivered, discarded, byCpu };
}

function addTo(total: LossReport["total"], event: Pick<EventLoss, "hits" | "lost" | "delivered">): void {
  total.hits += event.hits;
  total.lost = addLost(total.lost, event.lost);
  total.delivered += event.delivered;
}

function addLost(a: bigint | undefined, b: bigint | undefined): bigint | undefined {
  return a === undefined || b === undefined ? undefined : a + b;
}
