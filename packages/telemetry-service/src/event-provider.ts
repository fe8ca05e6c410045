import type { SubscriptionRequest, SubscriptionStatus } from "@kernscope/sensor";
import type { EventInit } from "@kernscope/telemetry-api";

/** What the service needs of a sensor: a `Sensor`, or what takes its place in a test. */
export interface EventProvider {
  /** Rejects with a SensorError where nothing of the request can be honoured, and holds nothing for it then. */
  newSubscription(request: SubscriptionRequest): Promise<EventSubscription>;
}

/** A stream of events: iterated once, by one reader. */
export interface EventSubscription extends AsyncIterable<readonly EventInit[]> {
  /** What of the request is not honoured, and why; one with code 0 where all is. */
  readonly statuses: readonly SubscriptionStatus[];
  /** Ends the stream behind what waits. */
  end(): void;
  /** Ends the stream at once. May be called again. */
  close(): void;
}
