import { Code, ConnectError } from "@connectrpc/connect";
import { ExpressionError, type FieldTypes, parse } from "@kernscope/expression";
import type { EventFilter } from "@kernscope/sensor";
import { type EventKind, eventKind, fieldTypes, subscriptionFor, TelemetryApiError } from "@kernscope/telemetry-api";
import { type ReadSubscription, subscriptionFromProto } from "../subscription-from-proto.js";

const NANOS_A_SECOND = 1_000_000_000n;
const known = new Set(["select", "container", "limit", "seconds", "lastEventId", "access_token"]);

/**
 * Reads what `GET /v0/events` asks for: `select=exec,exit`, or `select=exec where filename ~ "*sh"`, again for more;
 * `container=ID`, `limit=100`, `seconds=60`.
 *
 * @throws ConnectError InvalidArgument
 */
export function subscriptionFromQuery(query: URLSearchParams, maxFilters: number): ReadSubscription {
  for (const name of query.keys()) {
    if (!known.has(name)) throw refused(`${name}: unknown – known are ${[...known].slice(0, 4).join(", ")}`);
  }
  const selectors = query.getAll("select").flatMap(readSelectors);
  if (selectors.length === 0) throw refused("select is missing – name kinds of events, such as select=exec,exit");
  const ids = query.getAll("container");
  const limit = positive(query, "limit");
  const seconds = positive(query, "seconds");
  const options = {
    ...(ids.length > 0 && { containers: { ids } }),
    ...(limit !== undefined && { limit }),
    ...(seconds !== undefined && { durationNanos: seconds * NANOS_A_SECOND }),
  };
  const read = selectors.map(({ kind, where }) => {
    const { request, refused: left } = subscriptionFromProto(subscriptionFor([{ kind }], options), maxFilters);
    const filters = where === undefined ? request.filters : withCondition(request.filters, kind, where);
    return { request: { ...request, filters }, refused: left };
  });
  const filters = read.flatMap(({ request }) => request.filters);
  if (filters.length > maxFilters)
    throw refused(`select has ${filters.length} filters – give ${maxFilters} at the most`);
  return { request: { ...read[0]?.request, filters }, refused: read.flatMap(({ refused: left }) => left) };
}

/** A selector by itself, or several without conditions. */
function readSelectors(text: string): { kind: EventKind; where?: string }[] {
  const [, name, where] = /^\s*(\S+)\s+where\s+(.*)$/s.exec(text) ?? [];
  try {
    if (name !== undefined && where !== undefined) return [{ kind: eventKind(name), where }];
    return text.split(",").map((each) => ({ kind: eventKind(each.trim()) }));
  } catch (error) {
    if (error instanceof TelemetryApiError) throw refused(error.message);
    throw error;
  }
}

function withCondition(filters: readonly EventFilter[], kind: EventKind, text: string): EventFilter[] {
  const types: FieldTypes = Object.hasOwn(fieldTypes, kind) ? fieldTypes[kind as keyof typeof fieldTypes] : {};
  try {
    const where = parse(text, types);
    return filters.map((filter) => ({ ...filter, where }) as EventFilter);
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error;
    throw refused(`select=${kind}: ${error.reason} – ${error.remedy}`);
  }
}

function positive(query: URLSearchParams, name: string): bigint | undefined {
  const text = query.get(name);
  if (text === null) return undefined;
  if (/^[1-9]\d{0,8}$/.test(text)) return BigInt(text);
  throw refused(`${name}=${text.slice(0, 40)}: no number from 1 to 999999999`);
}

function refused(message: string): ConnectError {
  return new ConnectError(message, Code.InvalidArgument);
}
