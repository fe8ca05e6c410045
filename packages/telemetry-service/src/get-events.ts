import { create } from "@bufbuild/protobuf";
import { Code, type HandlerContext } from "@connectrpc/connect";
import { type GetEventsRequest, type GetEventsResponse, GetEventsResponseSchema } from "@kernscope/telemetry-api";
import type { EventMessages } from "./event-messages.js";
import type { EventProvider, EventSubscription } from "./event-provider.js";
import type { ServiceLimits } from "./limits.js";
import type { OpenSubscriptions } from "./open-subscriptions.js";
import { toStatus } from "./status.js";
import { nothingLeft, type ReadSubscription, type Refusal, subscriptionFromProto } from "./subscription-from-proto.js";

/** What the handler of `GetEvents` works with. */
export interface GetEventsParts {
  readonly provider: EventProvider;
  readonly subscriptions: OpenSubscriptions;
  readonly messages: EventMessages;
  readonly limits: ServiceLimits;
  /** Told of errors that no client is to blame for. */
  readonly onFault: (error: unknown) => void;
}

/**
 * Serves `GetEvents`: a response with statuses, then responses with events.
 *
 * The subscription is released when the request's signal fires, since the generator's `finally` does not run when a
 * client goes away that had stopped reading.
 */
export async function* getEvents(
  parts: GetEventsParts,
  request: GetEventsRequest,
  context: Pick<HandlerContext, "signal" | "requestHeader">,
): AsyncGenerator<GetEventsResponse> {
  const { subscriptions, messages, limits, onFault } = parts;
  const json = context.requestHeader.get("content-type")?.includes("json") ?? false;
  const read = subscriptionFromProto(request.subscription, limits.filters);
  const subscription = await subscriptions.open(() => subscribe(parts, read), context.signal);
  try {
    yield create(GetEventsResponseSchema, { statuses: statusesOf(read.refused, subscription) });
    for await (const batch of subscription) yield* messages.responses(batch, subscriptions.size > 1, json);
  } catch (error) {
    throw toStatus(error, onFault);
  } finally {
    subscriptions.release(subscription);
  }
  // A client whose deadline ended the stream must not take that for the subscription's end.
  context.signal.throwIfAborted();
}

async function subscribe({ provider, onFault }: GetEventsParts, { request, refused }: ReadSubscription) {
  try {
    return await provider.newSubscription(request);
  } catch (error) {
    const status = toStatus(error, onFault);
    // Where nothing is left, what was left out here is among the reasons.
    const onRequest = status.code === Code.Unimplemented || status.code === Code.InvalidArgument;
    if (!onRequest || refused.length === 0) throw status;
    throw nothingLeft([...refused, { code: status.code, message: status.rawMessage }]);
  }
}

function statusesOf(refused: readonly Refusal[], { statuses }: EventSubscription) {
  const all = [...refused, ...statuses.filter(({ code }) => code !== 0)];
  return all.length > 0 ? all.map(({ code, message }) => ({ code, message })) : [{ code: 0, message: "" }];
}
