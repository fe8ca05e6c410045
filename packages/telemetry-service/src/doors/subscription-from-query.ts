import { Code, ConnectError } from "@connectrpc/connect";
import { type FieldTypes, parse } from "@kernscope/expression";
import type { EventFilter } from "@kernscope/sensor";
import { type EventKind, eventKind, fieldTypes, subscriptionFor, TelemetryApiError } from "@kernscope/telemetry-api";
import { filterFromProto, type WireFilter } from "../filter-from-proto.js";
import { filterLists } from "../filter-kinds.js";
import { faultOf, nothingLeft, type ReadSubscription, type Refusal } from "../subscription-from-proto.js";

const NANOS_A_SECOND = 1e9;
const known = new Set(["select", "container", "limit", "seconds", "lastEventId", "access_token"]);

/** A kind of events by its name, and a condition. */
interface Selector {
  readonly name: string;
  readonly where?: string;
}

/**
 * Reads what `GET /v0/events` asks for: `select=exec,exit`, or `select=exec where filename ~ "*sh"`, again for more;
 * `container=ID`, `limit=100`, `seconds=60`. What of `select` is not in order becomes a refusal.
 *
 * @throws ConnectError InvalidArgument where nothing is left, or what holds for all of it is not valid
 */
export function subscriptionFromQuery(query: URLSearchParams, maxFilters: number): ReadSubscription {
  for (const name of query.keys()) {
    if (!known.has(name)) throw refused(`${name}: unknown – known are ${[...known].slice(0, 4).join(", ")}`);
  }
  const selectors = query.getAll("select").flatMap(readSelectors);
  if (selectors.length === 0) throw refused("select is missing – name kinds of events, such as select=exec,exit");
  if (selectors.length > maxFilters) throw tooMany(selectors.length, maxFilters);
  const ids = query.getAll("container");
  const limit = positive(query, "limit");
  const seconds = positive(query, "seconds");
  const refusals: Refusal[] = [];
  const filters = selectors.flatMap((selector) => {
    try {
      return filtersOf(selector);
    } catch (error) {
      refusals.push({
        code: Code.InvalidArgument,
        message: `select=${selector.name.slice(0, 40)}: ${reasonOf(error)}`,
      });
      return [];
    }
  });
  if (filters.length === 0) throw nothingLeft(refusals);
  if (filters.length > maxFilters) throw tooMany(filters.length, maxFilters);
  const request = {
    filters,
    ...(ids.length > 0 && { containers: { ids, names: [], imageIds: [], imageNames: [] } }),
    ...(limit !== undefined && { limit }),
    ...(seconds !== undefined && { duration: Math.min(seconds * NANOS_A_SECOND, Number.MAX_SAFE_INTEGER) }),
  };
  return { request, refused: refusals };
}

/** A selector by itself, or several without conditions. */
function readSelectors(text: string): Selector[] {
  const [, name, where] = /^\s*(\S+)\s+where\s+(.*)$/s.exec(text) ?? [];
  if (name !== undefined && where !== undefined) return [{ name, where }];
  return text.split(",").map((each) => ({ name: each.trim() }));
}

/** @throws TelemetryApiError, FilterFault, ExpressionError */
function filtersOf({ name, where: text }: Selector): EventFilter[] {
  const kind = eventKind(name);
  const where = text === undefined ? undefined : parse(text, typesOf(kind));
  const { eventFilter } = subscriptionFor([{ kind }]);
  return filterLists.flatMap((list) => {
    const filters: readonly WireFilter[] = eventFilter?.[list] ?? [];
    return filters.map((filter) => {
      const read = filterFromProto(list, filter);
      return where === undefined ? read : ({ ...read, where } as EventFilter);
    });
  });
}

function typesOf(kind: EventKind): FieldTypes {
  return Object.hasOwn(fieldTypes, kind) ? fieldTypes[kind as keyof typeof fieldTypes] : {};
}

function reasonOf(error: unknown): string {
  return error instanceof TelemetryApiError ? error.message : faultOf(error).replace(/^filter_expression: /, "");
}

function positive(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (text === null) return undefined;
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw refused(`${name}=${text.slice(0, 40)}: no number from 1 to 999999999`);
}

function tooMany(count: number, most: number): ConnectError {
  return refused(`select has ${count} filters – give ${most} at the most`);
}

function refused(message: string): ConnectError {
  return new ConnectError(message, Code.InvalidArgument);
}
