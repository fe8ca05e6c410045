import { Code, ConnectError } from "@connectrpc/connect";
import { eventKind, type Subscription, subscriptionFor, TelemetryApiError } from "@kernscope/telemetry-api";

const NANOS_A_SECOND = 1_000_000_000n;
const known = new Set(["select", "container", "limit", "seconds", "lastEventId", "access_token"]);

/**
 * Reads what `GET /v0/events` asks for: `select=exec,exit` (again or by commas), `container=ID`, `limit=100`,
 * `seconds=60`.
 *
 * @throws ConnectError InvalidArgument
 */
export function subscriptionFromQuery(query: URLSearchParams): Subscription {
  for (const name of query.keys()) {
    if (!known.has(name)) throw refused(`${name}: unknown – known are ${[...known].slice(0, 4).join(", ")}`);
  }
  const names = query.getAll("select").flatMap((text) => text.split(","));
  if (names.length === 0) throw refused("select is missing – name kinds of events, such as select=exec,exit");
  const ids = query.getAll("container");
  const limit = positive(query, "limit");
  const seconds = positive(query, "seconds");
  try {
    return subscriptionFor(
      names.map((name) => ({ kind: eventKind(name.trim()) })),
      {
        ...(ids.length > 0 && { containers: { ids } }),
        ...(limit !== undefined && { limit }),
        ...(seconds !== undefined && { durationNanos: seconds * NANOS_A_SECOND }),
      },
    );
  } catch (error) {
    if (error instanceof TelemetryApiError) throw refused(error.message);
    throw error;
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
