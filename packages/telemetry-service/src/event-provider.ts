import type { GapTeller, SubscriptionRequest, SubscriptionStatus } from "@kernscope/sensor";
import type { EventInit } from "@kernscope/telemetry-api";

/** What the service needs of a sensor: a `Sensor`, or what takes its place in a test. */
export interface EventProvider {
  /** Stands in every event. */
  readonly id: string;
  /** Makes the events that tell a client what its queue had no room for. */
  readonly gaps: GapTeller<EventInit>;
  /** Rejects with a SensorError where nothing of the request can be honoured, and holds nothing for it then. */
  newSubscription(request: SubscriptionRequest): Promise<EventSubscription>;
  /** What it did so far: at least the events that it made. */
  metrics(): EventCounters;
  /** Whether it is about to end all subscriptions, whatever they asked for. */
  readonly stopping?: boolean;
  /** Its caches, where it has some: their figures are numbers by name. */
  readonly processCache?: { stats(): object } | undefined;
  readonly containerCache?: { stats(): object } | undefined;
}

/** Figures of an {@link EventProvider}. What it does not count it leaves out. */
export interface EventCounters {
  /** Events made: the sequence number of the last one. */
  readonly events: number;
  /** What was opened in the kernel for subscriptions. */
  readonly sources?: number;
  /** Entries that wait in the subscriptions' queues. */
  readonly queued?: number;
  /** Events that found no room in a subscription's queue. */
  readonly dropped?: number;
  /** Kernel records that were lost before they became events. */
  readonly lost?: number;
}

/** A stream of events: iterated once, by one reader. */
export interface EventSubscription extends AsyncIterable<readonly EventInit[]> {
  /** What of the request is not honoured, and why; one with code 0 where all is. */
  readonly statuses: readonly SubscriptionStatus[];
  /** Entries that wait. Absent: none ever do. */
  readonly queued?: number;
  /** Bytes of the events that wait, roughly. */
  readonly queuedBytes?: number;
  /** Number of the first event that waits, or that was to; undefined where none does. */
  readonly firstSequenceNumber?: number | undefined;
  /** Ends the stream behind what waits. */
  end(): void;
  /** Ends the stream at once. May be called again. */
  close(): void;
}
