import { SensorError } from "./errors.js";
import { type EventKind, eventKinds, isEventKind } from "./event-kinds.js";
import { defaultQueueLimits, type QueueLimits } from "./event-queue.js";
import { familyOf } from "./events/index.js";

/** What a subscriber asks for. */
export interface SubscriptionRequest {
  /** Events that pass any of these are delivered. */
  filters: readonly EventFilter[];
  /** Ends the subscription after so many events, from 1. */
  limit?: number;
  /** Ends the subscription after so many nanoseconds, from 1. */
  duration?: number;
  /** Bounds of what waits for this subscriber. */
  queue?: Partial<QueueLimits>;
}

export interface EventFilter {
  kind: EventKind;
}

/** How a part of a request fared: `code` is a google.rpc.Code, 0 for all is well. */
export interface SubscriptionStatus {
  code: number;
  message: string;
}

/** A request that was found in order. */
export interface ValidRequest {
  kinds: ReadonlySet<EventKind>;
  limit: number;
  duration: number | undefined;
  queue: QueueLimits;
  statuses: readonly SubscriptionStatus[];
}

const UNIMPLEMENTED = 12;

/**
 * Checks a whole request before anything is acquired for it. Kinds that are not served become statuses, as long as
 * something is left to serve.
 *
 * @throws SensorError `invalid`, or `unimplemented` where nothing that is asked for is served
 */
export function validateRequest(request: SubscriptionRequest): ValidRequest {
  const { filters } = request;
  if (filters.length === 0) throw invalid("no filter – name at least one kind of events");
  const kinds = new Set<EventKind>();
  const statuses = new Map<string, SubscriptionStatus>();
  for (const { kind } of filters) {
    if (!isEventKind(kind)) throw invalid(`kind ${JSON.stringify(kind)} – the kinds are ${eventKinds.join(", ")}`);
    if (familyOf(kind) !== undefined) kinds.add(kind);
    else statuses.set(kind, { code: UNIMPLEMENTED, message: `${kind}: this sensor does not serve it yet` });
  }
  if (kinds.size === 0) {
    const served = eventKinds.filter((kind) => familyOf(kind) !== undefined).join(", ");
    const refused = [...statuses.keys()].join(", ");
    throw new SensorError("unimplemented", `newSubscription(${refused}): not served yet – served are ${served}`);
  }
  return {
    kinds,
    limit: positive("limit", request.limit) ?? Infinity,
    duration: positive("duration", request.duration),
    queue: {
      events: positive("queue.events", request.queue?.events) ?? defaultQueueLimits.events,
      bytes: positive("queue.bytes", request.queue?.bytes) ?? defaultQueueLimits.bytes,
    },
    statuses: statuses.size === 0 ? [{ code: 0, message: "" }] : [...statuses.values()],
  };
}

function positive(name: string, value: number | undefined): number | undefined {
  if (value === undefined || (Number.isSafeInteger(value) && value >= 1)) return value;
  throw invalid(`${name} is ${value} – give an integer from 1 to 2^53 - 1`);
}

function invalid(cause: string): SensorError {
  return new SensorError("invalid", `newSubscription(request): ${cause}`);
}
