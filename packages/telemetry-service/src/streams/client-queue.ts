import type { Gap, GapTeller } from "@kernscope/sensor";
import type { EventInit } from "@kernscope/telemetry-api";
import type { EventBlock } from "./event-block.js";

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

  push(block: EventBlock): void {
    const count = block.events.length;
    const fits = this.#events + count <= this.#limits.events && this.#bytes + block.size <= this.#limits.bytes;
    // A block that is bigger than the whole queue goes through alone rather than never.
    if (!fits && this.#events > 0) {
      this.#drop(block.events);
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
      this.#events -= entry.events.length;
      this.#bytes -= entry.size;
    }
    return entry;
  }

  clear(): void {
    this.#entries = [];
    this.#events = this.#bytes = 0;
    this.#openGap = undefined;
  }

  #drop(events: readonly EventInit[]): void {
    for (const event of events) {
      const sequenceNumber = Number(event.sensorSequenceNumber ?? 0);
      const monotimeNanos = Number(event.sensorMonotimeNanos ?? 0);
      // What an event told to be lost is lost to this client as well, and told by its gap now.
      const lost = event.event?.case === "lost" ? Number(event.event.value.lost ?? 0) : 1;
      if (event.event?.case !== "lost") this.dropped++;
      if (this.#openGap === undefined) {
        this.#openGap = {
          sequenceNumber: this.#gaps.nextSequenceNumber(),
          lost: 0,
          firstSequenceNumber: sequenceNumber,
          lastSequenceNumber: sequenceNumber,
          firstMonotimeNanos: monotimeNanos,
          lastMonotimeNanos: monotimeNanos,
        };
        this.#entries.push(this.#openGap);
      }
      const gap = this.#openGap;
      gap.lost += lost;
      gap.lastSequenceNumber = sequenceNumber;
      gap.lastMonotimeNanos = monotimeNanos;
    }
  }
}

export function isGap(entry: EventBlock | Gap): entry is Gap {
  return "lost" in entry;
}
