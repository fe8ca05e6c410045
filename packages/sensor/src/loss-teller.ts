import type { EventId, EventLoss, EventMonitor, LossReport } from "@kernscope/perf";
import type { Envelope } from "./envelope.js";
import type { EventSource } from "./event-source.js";
import { LostRecordCause, LostRecordType } from "./payload.js";
import type { Subscription } from "./subscription.js";

export interface LossTellerInit {
  readonly monitor: EventMonitor;
  readonly envelope: Envelope;
  /** What is open, each with the kernel events that are its own. */
  readonly sources: Iterable<EventSource>;
  readonly subscriptions: Iterable<Subscription>;
}

/** What was told of one kernel event so far: samples that found no room, and hits that a probe could not handle. */
interface Told {
  lost: number;
  missed: number;
}

/**
 * Turns what the monitor's account says was lost into events for the subscribers. Every loss is told once, with its exact
 * count where the kernel gives one: that of a source to those who subscribed to it, that of the caches to all.
 */
export class LossTeller {
  readonly #init: LossTellerInit;
  readonly #stop: () => void;
  readonly #told = new Map<EventId, Told>();
  #lost = 0;
  #ringLost = 0;
  #corrupt = 0;
  #toldAt: number;

  constructor(init: LossTellerInit) {
    this.#init = init;
    this.#toldAt = init.monitor.clock.now();
    this.#stop = init.monitor.onLoss((report) => this.report(report));
  }

  /** Records of kernel events that were lost so far, probes that were hit and not handled, and unreadable records. */
  get lost(): number {
    return this.#lost;
  }

  report(report: LossReport): void {
    const now = this.#init.monitor.clock.now();
    const { total, events, corrupt, unknown, ringLost } = report;
    this.#lost = Math.max(Number(total.lost ?? 0n), ringLost) + Number(total.missed) + corrupt + unknown;
    const owners = new Map<EventId, readonly [EventSource, number]>();
    for (const source of this.#init.sources) {
      for (const [id, type] of source.owned) owners.set(id, [source, type]);
    }
    const known = new Set(events.map(({ id }) => id));
    for (const id of this.#told.keys()) if (!known.has(id)) this.#told.delete(id);
    for (const event of events) this.#tellEvent(event, owners.get(event.id), now);
    if (total.lost === undefined) {
      // Before Linux 6.0 only the rings' own LOST records count, which lag behind and say not whose.
      this.#tell(undefined, ringLost - this.#ringLost, LostRecordType.UNKNOWN, LostRecordCause.KERNEL_RING, now);
    }
    this.#tell(undefined, corrupt + unknown - this.#corrupt, LostRecordType.UNKNOWN, LostRecordCause.MALFORMED, now);
    this.#ringLost = ringLost;
    this.#corrupt = corrupt + unknown;
    this.#toldAt = now;
  }

  /** Tells all that kernel probes did not fire for a while: also the caches know less then. */
  probesSilent(from: number, to: number): void {
    this.#push(this.#init.subscriptions, 0, LostRecordType.UNKNOWN, LostRecordCause.PROBES_DISARMED, from, to);
  }

  stop(): void {
    this.#stop();
  }

  #tellEvent(
    { id, name, lost, probe }: EventLoss,
    owner: readonly [EventSource, number] | undefined,
    now: number,
  ): void {
    const told = this.#told.get(id) ?? { lost: 0, missed: 0 };
    const sum = { lost: Number(lost ?? 0n), missed: Number(probe?.missed ?? 0n) };
    if (sum.lost === told.lost && sum.missed === told.missed) return;
    this.#told.set(id, sum);
    const [source, type] = owner ?? [undefined, cacheTypeOf(name)];
    this.#tell(source, sum.lost - told.lost, type, LostRecordCause.KERNEL_RING, now);
    this.#tell(source, sum.missed - told.missed, type, LostRecordCause.PROBE_MISSED, now);
  }

  /** Tells the subscribers of a source; of none: all. */
  #tell(source: EventSource | undefined, lost: number, type: number, cause: number, now: number): void {
    if (lost > 0) this.#push(source?.subscriptions ?? this.#init.subscriptions, lost, type, cause, this.#toldAt, now);
  }

  #push(to: Iterable<Subscription>, lost: number, type: number, cause: number, from: number, until: number): void {
    const event = this.#init.envelope.ofLoss(lost, type, cause, from, until);
    for (const subscription of to) {
      subscription.pushLoss(event);
      subscription.flush();
    }
  }
}

/** Whose events a cache makes of a kernel event. */
function cacheTypeOf(name: string): number {
  return /^cgroup\/cgroup_(?:mkdir|rmdir)$/.test(name) ? LostRecordType.CONTAINER : LostRecordType.PROCESS;
}
