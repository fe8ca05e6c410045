import type { SubscriptionStatus } from "@kernscope/sensor";
import type { HttpRequest, HttpResponse } from "../http-front.js";
import type { EventParts } from "../open-events.js";
import { eventStreamForm } from "./event-json.js";
import { serveHttpStream } from "./http-stream.js";
import { subscriptionFromQuery } from "./subscription-from-query.js";

/** Milliseconds after which a browser that lost its connection comes again. */
const RETRY = 2000;

/**
 * Serves `GET /v0/events?select=…` to browsers' `EventSource`. Beside the events, which have no name, there are those
 * named `statuses`, which comes first; `missed` behind it, for a client that tells by `Last-Event-ID` where it was; and
 * `end`, which comes last: a client should come again after one with code 14 (Unavailable), which a service sends that
 * is about to stop, and after no other.
 */
export function serveEventStream(
  parts: EventParts,
  request: HttpRequest,
  response: HttpResponse,
  client: string,
): Promise<void> {
  const query = new URLSearchParams(request.url?.split("?", 2)[1] ?? "");
  const lastId = request.headers["last-event-id"]?.toString() ?? query.get("lastEventId") ?? "";
  const form = {
    contentType: "text/event-stream",
    events: eventStreamForm,
    begin: (statuses: readonly SubscriptionStatus[], from: () => number) =>
      `retry: ${RETRY}\n${named("statuses", { statuses })}${
        lastId === "" ? "" : named("missed", missed(parts, lastId, from()))
      }`,
    end: (status: SubscriptionStatus) => named("end", status),
    keepAlive: ":\n\n",
  };
  return serveHttpStream(parts, request, response, client, form, async () =>
    subscriptionFromQuery(query, parts.limits.filters),
  );
}

/** What a client missed since its last event. `upTo` of the sensor's events since then some were for it. */
export interface Missed {
  readonly lastEventId: string;
  readonly sensorId: string;
  /** The number of the sensor's events of which those that the client missed are part, whether it asked for them or not. */
  readonly upTo?: number;
  readonly firstSequenceNumber?: number;
  readonly lastSequenceNumber?: number;
  readonly message: string;
}

/**
 * Tells what lies between the event that a client had last, and those that it gets now.
 *
 * @param from number of the first event that it may get now
 */
export function missed({ provider }: Pick<EventParts, "provider">, lastEventId: string, from: number): Missed {
  const sensorId = provider.id;
  const at = lastEventId.lastIndexOf("-");
  const last = /^\d{1,16}$/.test(lastEventId.slice(at + 1)) ? Number(lastEventId.slice(at + 1)) : Number.NaN;
  const shown = lastEventId.slice(0, 100);
  if (lastEventId.slice(0, at) !== sensorId || !(last <= provider.metrics().events)) {
    const message = "the last event is none of this sensor's – it began anew, and what was missed is not known";
    return { lastEventId: shown, sensorId, message };
  }
  const upTo = Math.max(0, from - 1 - last);
  if (upTo === 0) return { lastEventId: shown, sensorId, upTo, message: "nothing was missed" };
  const message = "those of these events that the subscription is for were missed, and are not sent again";
  return { lastEventId: shown, sensorId, upTo, firstSequenceNumber: last + 1, lastSequenceNumber: from - 1, message };
}

function named(name: string, data: unknown): string {
  return `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
}
