import { print, validate } from "@kernscope/expression";
import { sayCompat } from "./compat-condition.js";
import { ContainerMatcher } from "./container-matcher.js";
import { SensorError, toSensorError } from "./errors.js";
import { eventKinds, isEventKind } from "./event-kinds.js";
import { defaultQueueLimits, type QueueLimits } from "./event-queue.js";
import type { EventFamily } from "./events/family.js";
import { familyOf } from "./events/index.js";
import { type FieldTable, fieldTypes } from "./field-table.js";
import type { KernelSupport } from "./kernel-support.js";
import { mergeFilters } from "./merge-filters.js";
import { predicateOf } from "./predicate.js";
import type { PlannedSource } from "./source-registry.js";
import type { EventFilter, SubscriptionRequest, SubscriptionStatus } from "./subscription-request.js";

/** A request that was found in order, and how it will be served. */
export interface PlannedRequest {
  sources: readonly PlannedSource[];
  containers: ContainerMatcher | undefined;
  limit: number;
  /** Nanoseconds. */
  duration: number | undefined;
  /** Nanoseconds; 0: all events. */
  throttle: number;
  queue: QueueLimits;
  statuses: readonly SubscriptionStatus[];
}

/** Numbers of google.rpc.Code. */
const Code = { INVALID_ARGUMENT: 3, FAILED_PRECONDITION: 9, UNIMPLEMENTED: 12, INTERNAL: 13 } as const;

/** Filters of a request at most. */
const MAX_FILTERS = 1024;

/**
 * Checks a whole request, and finds out how it can be served, before anything is acquired for it. What cannot be honoured
 * becomes a status, as long as something can.
 *
 * @throws SensorError `invalid`, `unimplemented` or `unsupported` where nothing can be honoured
 */
export async function planRequest(request: SubscriptionRequest, kernel: KernelSupport): Promise<PlannedRequest> {
  const { filters } = request;
  if (!Array.isArray(filters) || filters.length === 0) throw invalid("no filter – name at least one kind of events");
  if (filters.length > MAX_FILTERS) throw invalid(`${filters.length} filters – give ${MAX_FILTERS} at the most`);
  const numbers = {
    limit: positive("limit", request.limit) ?? Infinity,
    duration: positive("duration", request.duration),
    throttle: positive("throttle", request.throttle) ?? 0,
    queue: {
      events: positive("queue.events", request.queue?.events) ?? defaultQueueLimits.events,
      bytes: positive("queue.bytes", request.queue?.bytes) ?? defaultQueueLimits.bytes,
    },
  };
  const containers = ContainerMatcher.of(request.containers);
  if (containers !== undefined && !kernel.hasCgroups) {
    throw new SensorError("unsupported", "newSubscription(containers): the kernel does not tell of cgroups");
  }
  const sources: PlannedSource[] = [];
  const refusals: SensorError[] = [];
  const lacks: SubscriptionStatus[] = [];
  const valid = filters.filter((filter) => {
    try {
      check(filter);
      return true;
    } catch (error) {
      refusals.push(refusalOf(error, filter));
      return false;
    }
  });
  for (const filter of mergeFilters(sayCompat(valid))) {
    try {
      const planned = await planValid(filter, kernel);
      sources.push(planned);
      for (const lack of planned.plan.lacks ?? []) lacks.push({ code: Code.FAILED_PRECONDITION, message: lack });
    } catch (error) {
      refusals.push(refusalOf(error, filter));
    }
  }
  if (sources.length === 0) throw nothingLeft(refusals);
  const statuses = [...refusals.map(statusOf), ...lacks, ...sinceStatus(request.since)];
  return {
    sources,
    containers,
    ...numbers,
    statuses: statuses.length === 0 ? [{ code: 0, message: "" }] : unique(statuses),
  };
}

/** Plans one filter: its condition is checked, and divided between the kernel and this process. */
export async function planFilter(filter: EventFilter, kernel: KernelSupport): Promise<PlannedSource> {
  check(filter);
  return planValid(filter, kernel);
}

/** Plans a filter whose condition was put together from those of filters that were checked. */
async function planValid(filter: EventFilter, kernel: KernelSupport): Promise<PlannedSource> {
  const { family, fields } = familyAndFields(filter);
  const plan = await family.plan(filter, kernel);
  return {
    filter,
    plan,
    predicateKey: plan.rest === undefined ? "" : print(plan.rest),
    predicate: plan.rest === undefined ? undefined : predicateOf(plan.rest, fields),
  };
}

/** Checks a filter's kind, arguments and condition. */
function check(filter: EventFilter): void {
  const { fields } = familyAndFields(filter);
  const where = "where" in filter ? filter.where : undefined;
  if (where !== undefined) validate(where, fieldTypes(fields));
}

/** Checks a filter's kind and arguments. */
function familyAndFields(filter: EventFilter): { family: EventFamily; fields: FieldTable } {
  const { kind } = filter;
  if (!isEventKind(kind)) throw invalid(`kind ${JSON.stringify(kind)} – the kinds are ${eventKinds.join(", ")}`);
  const family = familyOf(kind);
  if (family === undefined) {
    throw new SensorError("unimplemented", `newSubscription(${kind}): this sensor does not serve it yet`);
  }
  return { family, fields: family.fields(filter) };
}

/** What a filter was refused for. Whatever the packages below find wrong with what the client gave is the client's. */
export function refusalOf(error: unknown, { kind }: EventFilter): SensorError {
  if (error instanceof SensorError) return error;
  const { name, message } = error as Error;
  const { code } = error as { code?: unknown };
  if (name === "ExpressionError" || code === "invalid") {
    return new SensorError("invalid", `newSubscription(${kind}): ${message}`, { cause: error });
  }
  // A file, symbol or event that this host has not.
  if (code === "not_found") {
    return new SensorError("unsupported", `newSubscription(${kind}): ${message}`, { cause: error });
  }
  return toSensorError(error);
}

/** The status that tells of a refusal. */
export function statusOf({ code, message }: SensorError): SubscriptionStatus {
  if (code === "invalid") return { code: Code.INVALID_ARGUMENT, message };
  if (code === "unimplemented") return { code: Code.UNIMPLEMENTED, message };
  return { code: code === "system" ? Code.INTERNAL : Code.FAILED_PRECONDITION, message };
}

/** The status that tells a request which takes kernel probes that these do not fire at present. */
export function silenceStatus({ sources }: PlannedRequest): SubscriptionStatus[] {
  const kinds = sources.filter(({ plan }) => plan.kernel.some(({ event }) => /^k(?:ret)?probe:/.test(event)));
  if (kinds.length === 0) return [];
  const names = [...new Set(kinds.map(({ filter }) => filter.kind))].join(", ");
  const remedy = "set kernel.ftrace_enabled (sysctl) and kprobes/enabled (debugfs) to 1";
  return [
    { code: Code.FAILED_PRECONDITION, message: `${names}: kernel probes were disarmed on this host – ${remedy}` },
  ];
}

function sinceStatus(since: number | undefined): SubscriptionStatus[] {
  if (since === undefined || since === 0) return [];
  if (!(since > 0)) throw invalid(`since is ${since} – give nanoseconds, 0 or more`);
  return [{ code: Code.UNIMPLEMENTED, message: "since: the sensor keeps no events, the stream begins with now" }];
}

/** The error for a request of which nothing can be honoured, with all reasons. */
function nothingLeft(refusals: readonly SensorError[]): SensorError {
  const first = refusals.find(({ code }) => code === "invalid") ?? refusals[0];
  if (refusals.length <= 1 && first !== undefined) return first;
  const messages = [...new Set(refusals.map(({ message }) => message))];
  return new SensorError(first?.code ?? "invalid", messages.join("; "), { cause: first });
}

function unique(statuses: readonly SubscriptionStatus[]): SubscriptionStatus[] {
  return [...new Map(statuses.map((status) => [`${status.code} ${status.message}`, status])).values()];
}

function positive(name: string, value: number | undefined): number | undefined {
  if (value === undefined || (Number.isSafeInteger(value) && value >= 1)) return value;
  throw invalid(`${name} is ${value} – give an integer from 1 to 2^53 - 1`);
}

function invalid(cause: string): SensorError {
  return new SensorError("invalid", `newSubscription(request): ${cause}`);
}
