import { Code, ConnectError } from "@connectrpc/connect";
import { ExpressionError } from "@kernscope/expression";
import type { ContainerFilter, EventFilter, SubscriptionRequest } from "@kernscope/sensor";
import {
  EventFilterSchema,
  type Subscription,
  type ThrottleModifier,
  ThrottleModifier_IntervalType as Unit,
  type ContainerFilter as WireContainerFilter,
} from "@kernscope/telemetry-api";
import { clampedNumber } from "./clamped-number.js";
import { FilterFault, filterFromProto } from "./filter-from-proto.js";
import { filterLists } from "./filter-kinds.js";

/** A subscription as the sensor takes it, and what of it was left out. */
export interface ReadSubscription {
  readonly request: SubscriptionRequest;
  readonly refused: readonly Refusal[];
}

/** A part of a subscription that is not honoured, and why. */
export interface Refusal {
  readonly code: Code;
  readonly message: string;
}

/**
 * Reads a subscription. A filter with a condition that cannot be honoured is left out rather than widened, and becomes a
 * refusal.
 *
 * @throws ConnectError InvalidArgument where nothing is left, or what holds for all of it is not valid
 */
export function subscriptionFromProto(subscription: Subscription | undefined, maxFilters: number): ReadSubscription {
  const refused: Refusal[] = [];
  const filters = readFilters(subscription, maxFilters, refused);
  if (filters.length === 0) throw nothingLeft(refused);
  const { containerFilter, forDuration, sinceDuration, modifier } = subscription ?? {};
  const containers = readContainers(containerFilter);
  const limit = modifier?.limit?.limit;
  const throttle = modifier?.throttle;
  return {
    request: {
      filters,
      ...(containers !== undefined && { containers }),
      ...(limit !== undefined && { limit: clampedNumber(limit) }),
      ...(forDuration !== undefined && { duration: clampedNumber(forDuration) }),
      ...(sinceDuration !== undefined && { since: Number(sinceDuration) }),
      ...(throttle !== undefined && { throttle: readThrottle(throttle) }),
    },
    refused,
  };
}

/** The error for a subscription of which nothing is honoured, with all reasons. */
export function nothingLeft(refused: readonly Refusal[]): ConnectError {
  if (refused.length === 0) {
    return new ConnectError(
      "subscription.event_filter: has no filter – name at least one kind of events",
      Code.InvalidArgument,
    );
  }
  const allUnserved = refused.every(({ code }) => code === Code.Unimplemented);
  const messages = [...new Set(refused.map(({ message }) => message))];
  return new ConnectError(messages.join("; "), allUnserved ? Code.Unimplemented : Code.InvalidArgument);
}

function readFilters(subscription: Subscription | undefined, most: number, refused: Refusal[]): EventFilter[] {
  const eventFilter = subscription?.eventFilter;
  if (eventFilter === undefined) return [];
  const count = filterLists.reduce((sum, list) => sum + eventFilter[list].length, 0);
  if (count > most) {
    const message = `subscription.event_filter: has ${count} filters – give ${most} at the most`;
    throw new ConnectError(message, Code.InvalidArgument);
  }
  const filters: EventFilter[] = [];
  for (const list of filterLists) {
    for (const [index, filter] of eventFilter[list].entries()) {
      try {
        filters.push(filterFromProto(list, filter));
      } catch (error) {
        const name = `event_filter.${EventFilterSchema.field[list].name}[${index}]`;
        refused.push({ code: Code.InvalidArgument, message: `${name}.${faultOf(error)}` });
      }
    }
  }
  return filters;
}

/** What is wrong with a filter, from the name of its field on; throws what is no fault of it. */
export function faultOf(error: unknown): string {
  if (error instanceof FilterFault) return error.message;
  if (error instanceof ExpressionError) return `filter_expression: ${error.reason} – ${error.remedy}`;
  throw error;
}

/** Undefined where it restricts nothing. */
function readContainers(filter: WireContainerFilter | undefined): ContainerFilter | undefined {
  if (filter === undefined) return undefined;
  const { ids, names, imageIds, imageNames } = filter;
  return [ids, names, imageIds, imageNames].some((list) => list.length > 0)
    ? { ids, names, imageIds, imageNames }
    : undefined;
}

const nanosOfUnit: Readonly<Record<number, bigint>> = {
  [Unit.MILLISECOND]: 1_000_000n,
  [Unit.SECOND]: 1_000_000_000n,
  [Unit.MINUTE]: 60_000_000_000n,
  [Unit.HOUR]: 3_600_000_000_000n,
};

function readThrottle({ interval, intervalType }: ThrottleModifier): number {
  const unit = nanosOfUnit[intervalType];
  if (unit !== undefined) return clampedNumber(interval * unit);
  const message = "modifier.throttle.interval_type is not valid – give one of its enum";
  throw new ConnectError(message, Code.InvalidArgument);
}
