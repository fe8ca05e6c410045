import { create, fromBinary } from "@bufbuild/protobuf";
import { ConnectError, createContextKey, type HandlerContext } from "@connectrpc/connect";
import {
  ENVELOPE_SIZE,
  type GetEventsRequest,
  type GetEventsResponse,
  GetEventsResponseSchema,
} from "@kernscope/telemetry-api";
import { type EventParts, type OpenedEvents, openEvents } from "./open-events.js";
import { toStatus, wellFormed } from "./status.js";
import type { EventBlock } from "./streams/event-block.js";
import { subscriptionFromProto } from "./subscription-from-proto.js";

/** What a handler is told of the connection that a request came by. */
export interface Caller {
  /** Names whom limits per client count for. */
  readonly client: string;
  /** Ends the request's stream at once. */
  readonly cut: () => void;
}

/** Where handlers find the {@link Caller} of their request. */
export const callerKey = createContextKey<Caller>({ client: "", cut: () => {} });

const LENGTH_DELIMITED = 2;

/** Serves `GetEvents` to Connect's protocols: a response with statuses, then responses with events. */
export async function* getEvents(
  parts: EventParts,
  request: GetEventsRequest,
  context: Pick<HandlerContext, "signal" | "requestHeader" | "values">,
): AsyncGenerator<GetEventsResponse> {
  const { feeds, limits, metrics, onFault } = parts;
  const { signal } = context;
  const { client, cut } = context.values.get(callerKey);
  const json = context.requestHeader.get("content-type")?.includes("json") ?? false;
  let opened: OpenedEvents;
  try {
    opened = await openEvents(parts, subscriptionFromProto(request.subscription, limits.filters), { client, signal });
  } catch (error) {
    const refusal = wellFormed(ConnectError.from(error));
    if (!signal.aborted) metrics.refused(refusal.code);
    throw refusal;
  }
  const { statuses, stream } = opened;
  let late: NodeJS.Timeout | undefined;
  // Connect comes for the next one when the client has taken the one before.
  const watch = () => {
    late = setTimeout(() => {
      metrics.cut();
      feeds.close(stream);
      cut();
    }, limits.progressTime);
  };
  try {
    watch();
    yield create(GetEventsResponseSchema, {
      statuses: statuses.map(({ code, message }) => ({ code, message })),
    });
    clearTimeout(late);
    for await (const block of stream) {
      watch();
      yield responseOf(block, json);
      clearTimeout(late);
      metrics.sent(block);
    }
  } catch (error) {
    throw toStatus(error, onFault);
  } finally {
    clearTimeout(late);
    feeds.close(stream);
  }
  // A client whose deadline ended the stream must not take that for the subscription's end.
  signal.throwIfAborted();
}

/** For JSON the response has fields; otherwise the encoded events in its unknown fields, which are written as they are. */
function responseOf(block: EventBlock, json: boolean): GetEventsResponse {
  const bytes = block.response.subarray(ENVELOPE_SIZE);
  if (json) return fromBinary(GetEventsResponseSchema, bytes);
  const response = create(GetEventsResponseSchema);
  const { number } = GetEventsResponseSchema.field.events;
  // The tag of the first event is written with the unknown field; those of the others are part of its bytes.
  response.$unknown = [{ no: number, wireType: LENGTH_DELIMITED, data: bytes.subarray(1) }];
  return response;
}
