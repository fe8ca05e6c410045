import { isFieldSet } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import type { EventFilter, SubscriptionRequest } from "@kernscope/sensor";
import { type ContainerFilter, EventFilterSchema, type Subscription } from "@kernscope/telemetry-api";
import { type FilterList, filterLists, kindOfFilter } from "./filter-kinds.js";

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
 * Reads a subscription. A filter with a condition that cannot be honoured is left out rather than widened, and so is
 * whatever else is not served: each becomes a refusal.
 *
 * @throws ConnectError InvalidArgument or Unimplemented where nothing is left
 */
export function subscriptionFromProto(subscription: Subscription | undefined, maxFilters: number): ReadSubscription {
  const refused: Refusal[] = [];
  const filters = readFilters(subscription, maxFilters, refused);
  if (filters.length === 0) throw nothingLeft(refused);
  if (restricts(subscription?.containerFilter)) {
    throw nothingLeft([notServed("container_filter", "and it restricts every event")]);
  }
  const { forDuration, sinceDuration, modifier } = subscription ?? {};
  if (sinceDuration !== undefined && sinceDuration < 0n) {
    throw nothingLeft([
      { code: Code.InvalidArgument, message: `since_duration is ${sinceDuration}: it must be 0 or more` },
    ]);
  }
  if (sinceDuration !== undefined && sinceDuration > 0n) {
    refused.push(notServed("since_duration", "the stream begins with now"));
  }
  if (modifier?.throttle !== undefined) refused.push(notServed("modifier.throttle", "the stream has all events"));
  const limit = modifier?.limit?.limit;
  return {
    request: {
      filters,
      ...(limit !== undefined && { limit: Number(limit) }),
      ...(forDuration !== undefined && { duration: Number(forDuration) }),
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
  const kinds = new Map<string, EventFilter>();
  for (const list of filterLists) {
    for (const [index, filter] of eventFilter[list].entries()) {
      const name = `event_filter.${EventFilterSchema.field[list].name}[${index}]`;
      const kind = kindOfFilter(list, filter);
      const unserved = unservedFields(list, filter);
      if (kind === undefined) refused.push({ code: Code.InvalidArgument, message: `${name}.type is not valid` });
      else if (unserved.length === 0) kinds.set(kind, { kind } as EventFilter);
      else refused.push(notServed(`${name}.${unserved.join(", ")} (${kind})`, "the filter is left out"));
    }
  }
  return [...kinds.values()];
}

/** Fields that are set in a filter beside its type: none of them is served. */
function unservedFields(list: FilterList, filter: Parameters<typeof kindOfFilter>[1]): string[] {
  const fields = EventFilterSchema.field[list].message?.fields ?? [];
  return fields.filter((field) => field.name !== "type" && isFieldSet(filter, field)).map((field) => field.name);
}

function restricts(filter: ContainerFilter | undefined): boolean {
  if (filter === undefined) return false;
  return [filter.ids, filter.names, filter.imageIds, filter.imageNames].some((list) => list.length > 0);
}

function notServed(what: string, consequence: string): Refusal {
  return { code: Code.Unimplemented, message: `${what}: not served yet, ${consequence}` };
}
