import type { Writable } from "node:stream";
import { setImmediate as nextTurn } from "node:timers/promises";
import { Code, ConnectError } from "@connectrpc/connect";
import type { SubscriptionStatus } from "@kernscope/sensor";
import type { HttpRequest, HttpResponse } from "../http-front.js";
import { type EventParts, type OpenedEvents, openEvents } from "../open-events.js";
import { toStatus } from "../status.js";
import type { EventForm } from "../streams/event-block.js";
import { writeStream } from "../streams/write-stream.js";
import type { ReadSubscription } from "../subscription-from-proto.js";
import { refuseInJson } from "./http-status.js";

/** How a door writes a stream. */
export interface HttpStreamForm {
  readonly contentType: string;
  readonly events: EventForm;
  /** What comes first. Called in a later turn than the stream was opened in. */
  readonly begin: (statuses: readonly SubscriptionStatus[], from: OpenedEvents["from"]) => string;
  /** What comes last where the stream ends: code 0 where its subscription is done, 14 where the service stops. */
  readonly end: (status: SubscriptionStatus) => string;
  /** What is sent in a pause, so that nobody between takes the stream for dead. */
  readonly keepAlive?: string;
}

/** Milliseconds between two signs of life. Proxies give a silent stream a minute. */
const KEEP_ALIVE = 15_000;

/**
 * Answers a request with a stream of events in the body of its response. Does not reject.
 *
 * @param read tells what the client asks for; rejects with a ConnectError where that is not in order
 */
export async function serveHttpStream(
  parts: EventParts,
  request: HttpRequest,
  response: HttpResponse,
  client: string,
  form: HttpStreamForm,
  read: () => Promise<ReadSubscription>,
): Promise<void> {
  const { limits, metrics, onFault } = parts;
  const abort = new AbortController();
  const gone = new ConnectError("the client is gone", Code.Canceled);
  response.on("close", () => abort.abort(gone)).on("error", () => {});
  const to: Writable = "stream" in response ? response.stream : response;
  let alive: NodeJS.Timeout | undefined;
  try {
    const { statuses, stream, from } = await openEvents(parts, await read(), { client, signal: abort.signal });
    await nextTurn();
    abort.signal.throwIfAborted();
    response.writeHead(200, {
      "content-type": form.contentType,
      "cache-control": "no-store",
      "x-content-type-options": "nosniff",
    });
    to.write(
      form.begin(
        statuses.map(({ code, message }) => ({ code, message })),
        from,
      ),
    );
    const { keepAlive } = form;
    if (keepAlive !== undefined) {
      alive = setInterval(() => to.writableLength === 0 && to.write(keepAlive), KEEP_ALIVE);
    }
    const cut = () => to.destroy();
    await writeStream(stream, to, { form: form.events, progressTime: limits.progressTime, metrics, cut });
    to.end(form.end({ code: 0, message: "" }));
  } catch (error) {
    const status = toStatus(error, onFault);
    if (response.headersSent) to.end(form.end({ code: status.code, message: status.rawMessage }));
    else if (status !== gone) {
      metrics.refused(status.code);
      refuseInJson(response, status);
    }
    // What was not worth reading is let through, so that the connection can be used on.
    request.resume();
  } finally {
    clearInterval(alive);
    abort.abort(gone);
  }
}
