import type { Gap, GapTeller } from "@kernscope/sensor";
import type { EventInit } from "@kernscope/telemetry-api";
import type { BlockFacts, EventBlock } from "./event-block.js";

/** How much may wait for a client. */
export interface ClientQueueLimits {
  readonly events: number;
  readonly bytes: number;
}

/**
 * Blocks that wait for one client, bounded in events and bytes. What finds no room is counted in a gap, which stands in
 * its place. A gap ends with the next block that fits, so there are never more gaps than blocks.
 */
export class ClientQueue {
  /** Events that found no room. */
  dropped = 0;
  readonly #limits: ClientQueueLimits;
  readonly #gaps: GapTeller<EventInit>;
  #entries: (EventBlock | Gap)[] = [];
  #events = 0;
  #bytes = 0;
  #openGap: Gap | undefined;

  constructor(limits: ClientQueueLimits, gaps: GapTeller<EventInit>) {
    this.#limits = limits;
    this.#gaps = gaps;
  }

  /** Blocks and gaps that wait. */
  get length(): number {
    return this.#entries.length;
  }

  /** Events that wait, without gaps. */
  get events(): number {
    return this.#events;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Number of the first event that waits, or that was to; undefined where none does. */
  get firstSequenceNumber(): number | undefined {
    const [entry] = this.#entries;
    if (entry === undefined) return undefined;
    return isGap(entry) ? entry.firstSequenceNumber : entry.facts.firstSequenceNumber;
  }

  push(block: EventBlock): void {
    const { events: count } = block.facts;
    const fits = this.#events + count <= this.#limits.events && this.#bytes + block.size <= this.#limits.bytes;
    // A block that is bigger than the whole queue goes through alone rather than never.
    if (!fits && this.#events > 0) {
      this.#drop(block.facts);
      return;
    }
    this.#openGap = undefined;
    block.hold();
    this.#entries.push(block);
    this.#events += count;
    this.#bytes += block.size;
  }

  /** Takes out the first one, for the caller to release; undefined where nothing waits. */
  take(): EventBlock | Gap | undefined {
    const entry = this.#entries.shift();
    if (entry !== undefined && isGap(entry)) this.#openGap = this.#openGap === entry ? undefined : this.#openGap;
    else if (entry !== undefined) {
      this.#events -= entry.facts.events;
      this.#bytes -= entry.size;
    }
    return entry;
  }

  clear(): void {
    this.#entries = [];
    this.#events = this.#bytes = 0;
    this.#openGap = undefined;
  }

  /** What an event told to be lost is lost to this client as well, and told by its gap now. */
  #drop(facts: BlockFacts): void {
    this.dropped += facts.events - facts.losses;
    if (this.#openGap === undefined) {
      const { firstSequenceNumber, lastSequenceNumber, firstMonotimeNanos, lastMonotimeNanos } = facts;
      const sequenceNumber = this.#gaps.nextSequenceNumber();
      const numbers = { sequenceNumber, firstSequenceNumber, lastSequenceNumber };
      this.#openGap = { ...numbers, firstMonotimeNanos, lastMonotimeNanos, lost: 0 };
      this.#entries.push(this.#openGap);
    }
    const gap = this.#openGap;
    gap.lost += facts.worth;
    gap.lastSequenceNumber = facts.lastSequenceNumber;
    gap.lastMonotimeNanos = facts.lastMonotimeNanos;
  }
}

export function isGap(entry: EventBlock | Gap): entry is Gap {
  return "lost" in entry;
}
