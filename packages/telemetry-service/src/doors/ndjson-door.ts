import { fromJson } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { GetEventsRequestSchema, type Subscription } from "@kernscope/telemetry-api";
import type { HttpRequest, HttpResponse } from "../http-front.js";
import type { EventParts } from "../open-events.js";
import { subscriptionFromProto } from "../subscription-from-proto.js";
import { readBody } from "./body.js";
import { linesForm } from "./event-json.js";
import { type HttpStreamForm, serveHttpStream } from "./http-stream.js";

const form: HttpStreamForm = {
  contentType: "application/x-ndjson",
  events: linesForm,
  begin: (statuses) => `${JSON.stringify({ statuses })}\n`,
  end: (status) => (status.code === 0 ? "" : `${JSON.stringify({ error: status })}\n`),
};

/**
 * Serves `POST /v0/events`: the body is a `GetEventsRequest` in JSON; the answer has a line with the statuses, and then a
 * line for each event. Where the stream fails the last line tells why.
 */
export function serveLines(
  parts: EventParts,
  request: HttpRequest,
  response: HttpResponse,
  client: string,
): Promise<void> {
  return serveHttpStream(parts, request, response, client, form, async () => {
    const subscription = subscriptionInJson(await readBody(request, parts.limits.requestBytes));
    return subscriptionFromProto(subscription, parts.limits.filters);
  });
}

/**
 * Reads a `GetEventsRequest` in JSON. Fields that are not known are let pass.
 *
 * @throws ConnectError InvalidArgument
 */
function subscriptionInJson(body: Buffer): Subscription | undefined {
  try {
    const json = JSON.parse(body.toString());
    return fromJson(GetEventsRequestSchema, json, { ignoreUnknownFields: true }).subscription;
  } catch (error) {
    const cause = (error as Error).message;
    throw new ConnectError(
      `the body is no GetEventsRequest in JSON: ${cause} – give {"subscription": {"eventFilter": …}}`,
      Code.InvalidArgument,
    );
  }
}
