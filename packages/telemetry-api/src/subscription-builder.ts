import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { TelemetryApiError } from "./errors.js";
import { type EventKind, type EventKindEntry, eventKind, eventKinds } from "./event-kinds.js";
import type { ExpressionSchema } from "./gen/capsule8/api/v0/expression_pb.js";
import {
  type ContainerFilterSchema,
  type EventFilter,
  EventFilterSchema,
  type Subscription,
  SubscriptionSchema,
  ThrottleModifier_IntervalType,
} from "./gen/capsule8/api/v0/subscription_pb.js";

/** Asks for events of a kind. */
export interface EventSelector<Kind extends EventKind = EventKind> {
  /** The kind's short name, see {@link eventKind} for a name that comes from a person. */
  readonly kind: Kind;
  /** Condition on the event's fields. Absent: all events of the kind. */
  readonly where?: MessageInitShape<typeof ExpressionSchema> | undefined;
  /** Further fields of the kind's filter, such as `id` of a system call, `symbol` of a function, `view` of a container. */
  readonly with?: FilterFields<Kind> | undefined;
}

/** What a subscription asks for beside kinds of events. */
export interface SubscriptionOptions {
  /** Only events of these containers. */
  readonly containers?: MessageInitShape<typeof ContainerFilterSchema> | undefined;
  /** End the stream after this many events, from 1. */
  readonly limit?: number | bigint | undefined;
  /** End the stream after this many nanoseconds, from 1. */
  readonly durationNanos?: number | bigint | undefined;
  /** At most one event in every `interval` (from 1) units. */
  readonly throttle?: { readonly interval: number | bigint; readonly unit: "ms" | "s" | "min" | "h" } | undefined;
}

/** The fields of a kind's filter that a selector does not already say. */
export type FilterFields<Kind extends EventKind> = WithoutSelected<FilterOf<(typeof eventKinds)[Kind]["list"]>>;

type FilterOf<List extends EventKindEntry["list"]> = EventFilter[List][number];
type WithoutSelected<Filter> = Filter extends unknown
  ? { readonly [K in Exclude<keyof Filter, "type" | "filterExpression" | "$typeName" | "$unknown">]?: Filter[K] }
  : never;

const throttleUnits = {
  ms: ThrottleModifier_IntervalType.MILLISECOND,
  s: ThrottleModifier_IntervalType.SECOND,
  min: ThrottleModifier_IntervalType.MINUTE,
  h: ThrottleModifier_IntervalType.HOUR,
};

/**
 * Builds the subscription for all events that match any of the selectors. Whether the service can honour it, it says in
 * the first response.
 *
 * @throws {TelemetryApiError} `empty_subscription` without a selector, `unknown_kind`, `unknown_field` for a field in
 * `with` that the kind's filter has not, `invalid_value` for an option out of range
 */
export function subscriptionFor(selectors: readonly EventSelector[], options: SubscriptionOptions = {}): Subscription {
  if (selectors.length === 0) {
    throw new TelemetryApiError("empty_subscription", "subscriptionFor()", "no selector", "name a kind of events");
  }
  const filters: Record<string, unknown[]> = {};
  for (const selector of selectors) addFilters(filters, selector);
  const { containers, limit, durationNanos, throttle } = options;
  return create(SubscriptionSchema, {
    eventFilter: create(EventFilterSchema, filters as MessageInitShape<typeof EventFilterSchema>),
    ...(containers && { containerFilter: containers }),
    ...(durationNanos !== undefined && { forDuration: positive("durationNanos", durationNanos) }),
    ...((limit !== undefined || throttle) && {
      modifier: {
        ...(limit !== undefined && { limit: { limit: positive("limit", limit) } }),
        ...(throttle && { throttle: throttleModifier(throttle) }),
      },
    }),
  });
}

function addFilters(filters: Record<string, unknown[]>, selector: EventSelector): void {
  const kind = eventKind(selector.kind);
  const { list, types, defaults }: EventKindEntry = eventKinds[kind];
  const known = filterFields(list);
  for (const field of Object.keys(selector.with ?? {})) {
    if (known.includes(field)) continue;
    const operation = `subscriptionFor(${kind})`;
    const fields = known.length === 0 ? "it has none" : `its fields are ${known.join(", ")}`;
    throw new TelemetryApiError("unknown_field", operation, `its filter has no field ${JSON.stringify(field)}`, fields);
  }
  if (selector.where !== undefined && !hasExpression(list)) {
    const cause = "its filter takes no condition";
    throw new TelemetryApiError("unknown_field", `subscriptionFor(${kind})`, cause, "leave out `where`");
  }
  filters[list] ??= [];
  const common = { ...defaults, ...selector.with, ...(selector.where && { filterExpression: selector.where }) };
  for (const type of types ?? [undefined]) filters[list].push(type === undefined ? common : { ...common, type });
}

/** Names of what `with` may hold: oneofs by their own name, as in messages. */
function filterFields(list: EventKindEntry["list"]): string[] {
  const names = filterSchema(list).members.map((member) => member.localName);
  return names.filter((name) => name !== "type" && name !== "filterExpression");
}

function hasExpression(list: EventKindEntry["list"]): boolean {
  return filterSchema(list).members.some((member) => member.localName === "filterExpression");
}

function filterSchema(list: EventKindEntry["list"]) {
  const { message } = EventFilterSchema.field[list];
  if (message === undefined) throw new TypeError(`EventFilter.${list} is no list of messages`);
  return message;
}

function throttleModifier({ interval, unit }: NonNullable<SubscriptionOptions["throttle"]>) {
  if (!Object.hasOwn(throttleUnits, unit)) {
    const operation = "subscriptionFor(throttle)";
    throw new TelemetryApiError("invalid_value", operation, `unit ${String(unit)} is not known`, "use ms, s, min or h");
  }
  return { interval: positive("throttle", interval), intervalType: throttleUnits[unit] };
}

function positive(option: string, value: number | bigint): bigint {
  const integer = typeof value === "bigint" || Number.isSafeInteger(value) ? BigInt(value) : 0n;
  if (integer >= 1n && integer < 2n ** 63n) return integer;
  const operation = `subscriptionFor(${option})`;
  throw new TelemetryApiError(
    "invalid_value",
    operation,
    `${value} is out of range`,
    "give an integer from 1 to 2^63 - 1",
  );
}
