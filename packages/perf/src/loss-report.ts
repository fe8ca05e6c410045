import type { EventCount } from "@kernscope/perf-native";
import type { ProbeCounts } from "./probe-profile.js";
import type { EventId } from "./record.js";

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
  /**
   * Times the event happened and passed its filter while it was enabled. Where it is not sampled each time (counter
   * groups, side-band records): the records that are known of, delivered, discarded and lost.
   */
  hits: bigint;
  /** Samples that found no room in a ring; `undefined` before Linux 6.0. */
  lost: bigint | undefined;
  /** Records handed to its handlers. */
  delivered: number;
  /** Records that came when they were not wanted: after unregistering, or twice while the filter was replaced. */
  discarded: number;
  byCpu: LossByCpu[];
  /** How often the kernel stopped sampling for a while because samples came too often (kernel.perf_event_max_sample_rate). */
  throttled: number;
  /** Of a probe: how often it was reached, and missed. */
  probe?: ProbeCounts;
}

export interface LossTotal {
  hits: bigint;
  /** `undefined` before Linux 6.0, and once an event was closed whose last counts could not be read. */
  lost: bigint | undefined;
  delivered: number;
  discarded: number;
  /** Times that kernel probes were reached and could not be handled: they are no hits. */
  missed: bigint;
  /** As {@link EventLoss.throttled}: what was not sampled then is no hit. */
  throttled: number;
}

/** Where events were lost since the monitor was opened: hits = delivered + discarded + lost + what is still in the rings. */
export interface LossReport {
  /** Of all kernel events, those that are unregistered by now included. */
  total: LossTotal;
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
  /** How often a CPU came online and was taken in: what happened on it up to `hotplugInterval` before is not known. */
  cpusCame: number;
}

/** Adds up counts of the same event by CPU and process. */
export function sumByCpu(past: readonly LossByCpu[], counts: readonly EventCount[]): LossByCpu[] {
  const sums = new Map<string, LossByCpu>();
  const now = counts.map(({ cpu, pid, value, lost }) => ({ cpu, pid, hits: value, lost }));
  for (const { cpu, pid, hits, lost } of [...past, ...now]) {
    const sum = sums.get(`${cpu} ${pid}`) ?? { cpu, pid, hits: 0n, lost: 0n };
    sums.set(`${cpu} ${pid}`, { cpu, pid, hits: sum.hits + hits, lost: addLost(sum.lost, lost) });
  }
  return [...sums.values()];
}

export function addToTotal(total: LossTotal, { hits, lost, delivered, discarded, missed, throttled }: LossTotal): void {
  total.hits += hits;
  total.throttled += throttled;
  total.missed += missed;
  total.lost = addLost(total.lost, lost);
  total.delivered += delivered;
  total.discarded += discarded;
}

export function sumOf(counts: readonly LossByCpu[]): Pick<LossTotal, "hits" | "lost"> {
  return counts.reduce<Pick<LossTotal, "hits" | "lost">>(
    (sum, { hits, lost }) => ({ hits: sum.hits + hits, lost: addLost(sum.lost, lost) }),
    { hits: 0n, lost: 0n },
  );
}

function addLost(a: bigint | undefined, b: bigint | undefined): bigint | undefined {
  return a === undefined || b === undefined ? undefined : a + b;
}
