import type { CallOptions } from "@connectrpc/connect";
import { createClient, type Transport } from "@connectrpc/connect";
import {
  type EventSelector,
  type GetEventsResponse,
  type SubscriptionOptions,
  subscriptionFor,
  TelemetryService,
} from "@kernscope/telemetry-api";

/** Subscribes as a client does. */
export function subscribe(
  transport: Transport,
  selectors: readonly EventSelector[],
  options: SubscriptionOptions = {},
  call: CallOptions = {},
): AsyncIterable<GetEventsResponse> {
  return createClient(TelemetryService, transport).getEvents(
    { subscription: subscriptionFor(selectors, options) },
    call,
  );
}

/** Collects all responses of a stream until it ends. */
export async function collect(stream: AsyncIterable<GetEventsResponse>): Promise<GetEventsResponse[]> {
  const responses: GetEventsResponse[] = [];
  for await (const response of stream) responses.push(response);
  return responses;
}

/** Ids of the events in the responses. */
export function idsOf(responses: readonly GetEventsResponse[]): (string | undefined)[] {
  return responses.flatMap(({ events }) => events.map(({ event }) => event?.id));
}
