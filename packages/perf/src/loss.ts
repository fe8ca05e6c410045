import type { RecordSource } from "@kernscope/perf-native";
import type { EventTable } from "./event-table.js";
import {
  addToTotal,
  type EventLoss,
  type LossByCpu,
  type LossReport,
  type LossTotal,
  sumByCpu,
  sumOf,
} from "./loss-report.js";
import type { ProbeCounts } from "./probe-profile.js";
import type { ProbeRegistry } from "./probe-registry.js";
import type { Registration } from "./registration.js";

export interface LossAccountInit {
  source: RecordSource;
  table: EventTable;
  probes: ProbeRegistry;
  /** Records whose raw data was too short for their format. */
  shortRecords: () => number;
  /** Samples of events that were forgotten. */
  unknownRecords: () => number;
  /** How often a CPU came online and was taken in. */
  cpusCame: () => number;
  /** Milliseconds between two looks at the counts while records flow. */
  interval: number;
  /** What went wrong when the counts were read unasked. */
  onError: (error: unknown) => void;
}

/** Keeps the account of what was lost, and tells when it grows. */
export class LossAccount {
  readonly #init: LossAccountInit;
  readonly #listeners = new Set<(report: LossReport) => void>();
  /** Of events that are unregistered. */
  readonly #closed = { hits: 0n, lost: 0n as bigint | undefined, delivered: 0, discarded: 0, missed: 0n, throttled: 0 };
  /** Events whose last counts were taken, but some of whose records may still come. */
  readonly #retiring = new Set<Registration>();
  #timer: NodeJS.Timeout | undefined;
  #told = "0,0,0,0,0,0,0,0";
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
    const { source, table, probes, shortRecords, unknownRecords, cpusCame } = this.#init;
    const probeCounts = await probes.counts();
    const open = table.all().filter((each) => each.indices.length > 0 && !this.#retiring.has(each));
    const counted = await Promise.all(open.map((registration) => this.#count(registration, probeCounts)));
    const events = counted.filter((event) => event !== undefined);
    const total = { ...this.#closed };
    for (const registration of this.#retiring) addToTotal(total, handedOut(registration));
    for (const event of events) addToTotal(total, { ...event, missed: event.probe?.missed ?? 0n });
    const { late, corrupt, unknown, lost, stalls } = source.stats();
    return {
      total,
      events,
      late,
      corrupt: corrupt + shortRecords(),
      unknown: unknown + unknownRecords(),
      ringLost: lost,
      stalls,
      cpusCame: cpusCame(),
    };
  }

  /**
   * Adds the last counts of an event that is about to be closed to the total. Where they cannot be read it rejects, and
   * what was lost in total is not known from then on.
   */
  async retire(registration: Registration): Promise<void> {
    let last: Pick<LossTotal, "hits" | "lost"> = { ...account(registration, registration.past), lost: undefined };
    let missed = 0n;
    try {
      last = account(registration, await this.#read(registration));
      missed = (await this.#probeCounts(registration))?.missed ?? 0n;
    } finally {
      addToTotal(this.#closed, { ...last, missed, delivered: 0, discarded: 0, throttled: 0 });
      this.#retiring.add(registration);
    }
  }

  /** The event is closed: none of its records will come any more. */
  retired(registration: Registration): void {
    if (!this.#retiring.delete(registration)) return;
    addToTotal(this.#closed, handedOut(registration));
  }

  /** Keeps the last counts of a kernel event that is about to be closed while its registration goes on. */
  async carry(registration: Registration, index: number): Promise<void> {
    registration.past = sumByCpu(registration.past, await this.#init.source.counts(index));
    registration.indices = registration.indices.filter((each) => each !== index);
  }

  /** Records were dispatched: looks at the counts before long, once more after the last record. */
  recordsFlowed(): void {
    if (this.#timer !== undefined || this.#stopped || this.#listeners.size === 0) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.check().catch(this.#init.onError);
    }, this.#init.interval);
    this.#timer.unref();
  }

  /** Compares with what was told last, and tells the listeners what is new. */
  async check(): Promise<void> {
    if (this.#listeners.size === 0 || this.#stopped) return;
    const report = await this.report().catch((error) => {
      if (!this.#stopped) throw error;
    });
    if (report === undefined || this.#stopped) return;
    const { total, ringLost, late, corrupt, unknown, cpusCame } = report;
    // Where the kernel counts no losses, that they are unknown is no news.
    const counts = [total.lost ?? 0n, total.missed, total.throttled, ringLost, late, corrupt, unknown, cpusCame];
    const state = counts.join();
    if (state === this.#told) return;
    this.#told = state;
    for (const listener of [...this.#listeners]) listener(report);
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  /** `undefined` for an event whose last counts are part of the total. */
  async #count(registration: Registration, probes: ReadonlyMap<string, ProbeCounts>): Promise<EventLoss | undefined> {
    const { table } = this.#init;
    const over = () => this.#retiring.has(registration) || table.entries[registration.id] !== registration;
    try {
      const byCpu = await this.#read(registration);
      if (over()) return undefined;
      const { id, name } = registration;
      const probe = probes.get(registration.probe?.event ?? "");
      const { delivered, discarded, throttled, hits: handed } = handedOut(registration);
      const { hits: counted, lost } = account(registration, byCpu);
      const hits = counted + handed;
      return { id, name, hits, lost, delivered, discarded, throttled, byCpu, ...(probe !== undefined && { probe }) };
    } catch (error) {
      if (over()) return undefined;
      throw error;
    }
  }

  async #probeCounts({ probe }: Registration): Promise<ProbeCounts | undefined> {
    return probe === undefined ? undefined : (await this.#init.probes.counts()).get(probe.event);
  }

  async #read(registration: Registration): Promise<LossByCpu[]> {
    const { indices } = registration;
    const read = Promise.all(indices.map((index) => this.#init.source.counts(index)));
    const counts = await read.catch((error) => {
      // What was closed meanwhile has no counts any more.
      if (registration.indices === indices) throw error;
      return [];
    });
    // What was closed meanwhile is part of the past by now and must not count twice.
    return registration.indices === indices ? sumByCpu(registration.past, counts.flat()) : this.#read(registration);
  }
}

/** Hits and losses as the kernel tells them; of an event that is not sampled each time, hits that were lost. */
function account(
  { countsSamples, lostSamples }: Registration,
  byCpu: readonly LossByCpu[],
): Pick<LossTotal, "hits" | "lost"> {
  const { hits, lost } = sumOf(byCpu);
  if (countsSamples) return { hits, lost };
  const all = (lost ?? 0n) + BigInt(lostSamples);
  return { hits: all, lost: lost === undefined ? undefined : all };
}

/** What has come of an event; its hits where the kernel's count is of something else. */
function handedOut({ countsSamples, delivered, discarded, throttled }: Registration): LossTotal {
  const hits = countsSamples ? 0n : BigInt(delivered + discarded);
  return { hits, lost: 0n, missed: 0n, delivered, discarded, throttled };
}
