import { Code, type ConnectError } from "@connectrpc/connect";
import type { SubscriptionStatus } from "@kernscope/sensor";
import type { EventProvider } from "./event-provider.js";
import type { ServiceLimits } from "./limits.js";
import type { ServiceMetrics } from "./service-metrics.js";
import { toStatus } from "./status.js";
import type { ClientStream } from "./streams/client-stream.js";
import type { Feeds, StreamOwner } from "./streams/feeds.js";
import { nothingLeft, type ReadSubscription } from "./subscription-from-proto.js";

/** What every door to the events works with. */
export interface EventParts {
  readonly provider: EventProvider;
  readonly feeds: Feeds;
  readonly limits: ServiceLimits;
  readonly metrics: ServiceMetrics;
  /** Told of errors that no client is to blame for. */
  readonly onFault: (error: unknown) => void;
}

/** What a client subscribed to. */
export interface OpenedEvents {
  /** What of the subscription is not honoured, and why; a single OK where all is. Clients get it first. */
  readonly statuses: readonly SubscriptionStatus[];
  /** Closed when its owner's signal fires, which is what to rely on: code behind a blocked write may never run. */
  readonly stream: ClientStream;
  /** Tells from which of the sensor's events on the stream is whole: see `OpenedStream`. */
  readonly from: () => number;
}

/**
 * Subscribes as a client asks.
 *
 * @throws ConnectError with the status that it is refused with; the signal's reason where that fired
 */
export async function openEvents(
  { feeds, onFault }: EventParts,
  { request, refused }: ReadSubscription,
  owner: StreamOwner,
): Promise<OpenedEvents> {
  try {
    const { stream, statuses, from } = await feeds.open(request, owner);
    const all = [...refused, ...statuses.filter(({ code }) => code !== 0)];
    return { stream, statuses: all.length > 0 ? all : [{ code: 0, message: "" }], from };
  } catch (error) {
    owner.signal.throwIfAborted();
    const status: ConnectError = toStatus(error, onFault);
    // Where nothing is left, what was left out here is among the reasons.
    const onRequest = status.code === Code.Unimplemented || status.code === Code.InvalidArgument;
    if (!onRequest || refused.length === 0) throw status;
    throw nothingLeft([...refused, { code: status.code, message: status.rawMessage }]);
  }
}
