import type { Http2ServerRequest, Http2ServerResponse } from "node:http2";
import { type ConnectError, cors } from "@connectrpc/connect";
import { TelemetryService } from "@kernscope/telemetry-api";
import { type Access, authorise } from "./authorisation.js";
import { connectionOf } from "./connection.js";
import { serveEventStream } from "./doors/event-stream-door.js";
import { isPlainGrpc, refuseGrpc, serveGrpc } from "./doors/grpc-door.js";
import { refuseInJson, respondText } from "./doors/http-status.js";
import { serveLines } from "./doors/ndjson-door.js";
import type { HttpHandler, HttpRequest, HttpResponse } from "./http-front.js";
import type { EventParts } from "./open-events.js";
import type { RpcHandler } from "./rpc-handler.js";

const EVENTS_PATH = "/v0/events";
const GET_EVENTS_PATH = `/${TelemetryService.typeName}/${TelemetryService.method.getEvents.name}`;

/** What requests are answered with. */
export interface HandlerParts extends EventParts {
  readonly access: Access;
  readonly rpc: RpcHandler;
  /** Whether a subscription would be served now. */
  readonly isReady: () => boolean;
}

/** Answers every request: finds out who it is from, and which door it is for. */
export function httpHandler(parts: HandlerParts): HttpHandler {
  const { access, rpc, metrics, onFault } = parts;
  const served = [...rpc.paths, EVENTS_PATH, "/metrics", "/healthz", "/readyz"].join(", ");

  const answer = async (request: HttpRequest, response: HttpResponse): Promise<void> => {
    const [path = "", query = ""] = (request.url ?? "").split("?", 2);
    // Those who look after the service need not be among those who may see its events.
    if (path === "/healthz") return respondText(response, 200, "ok\n");
    if (path === "/readyz") {
      if (parts.isReady()) return respondText(response, 200, "ready\n");
      return respondText(response, 503, "not ready: the service is about to stop\n");
    }
    const connection = connectionOf(request);
    if (connection === undefined) return;
    const { origin } = request.headers;
    let client: string;
    try {
      client = authorise(
        connection,
        {
          authorization: request.headers.authorization ?? tokenIn(path, query),
          origin,
          host: request.headers[":authority"]?.toString() ?? request.headers.host,
        },
        access,
      );
    } catch (error) {
      metrics.refused((error as ConnectError).code);
      return refuse(request, response, error as ConnectError);
    }
    if (origin !== undefined) {
      allowOrigin(response, origin);
      if (request.method === "OPTIONS") return answerPreflight(response);
    }
    if (path === GET_EVENTS_PATH && isHttp2(request) && request.method === "POST" && isPlainGrpc(request)) {
      return serveGrpc(parts, request, response as Http2ServerResponse, client);
    }
    if (rpc.paths.includes(path)) return rpc.serve(request, response, client);
    if (path === EVENTS_PATH && request.method === "POST") return serveLines(parts, request, response, client);
    if (path === EVENTS_PATH && request.method === "GET") return serveEventStream(parts, request, response, client);
    if (path === EVENTS_PATH) {
      response.setHeader("allow", "GET, POST");
      return respondText(response, 405, "give GET or POST\n");
    }
    if (path === "/metrics") {
      const { registry } = metrics;
      return respondText(response, 200, await registry.metrics(), registry.contentType.split(";", 2).join(";"));
    }
    respondText(response, 404, `nothing is served here – served are ${served}\n`);
  };

  return (request, response) => {
    answer(request, response).catch((error: unknown) => {
      // An error that comes with the connection's end is the client's.
      if (!response.destroyed && !response.writableEnded && !request.destroyed) onFault(error);
      if (response.headersSent) response.destroy();
      else respondText(response, 500, "the service failed\n");
    });
  };
}

function isHttp2(request: HttpRequest): request is Http2ServerRequest {
  return "stream" in request;
}

/** `EventSource` can send no headers, so that a token may stand in its URL. */
function tokenIn(path: string, query: string): string | undefined {
  const token = path === EVENTS_PATH ? new URLSearchParams(query).get("access_token") : null;
  return token === null ? undefined : `Bearer ${token}`;
}

/** Refuses before the request was read, in the form that its client reads. */
function refuse(request: HttpRequest, response: HttpResponse, error: ConnectError): void {
  request.resume();
  if (isHttp2(request) && isPlainGrpc(request)) refuseGrpc(response as Http2ServerResponse, error);
  else refuseInJson(response, error);
}

function allowOrigin(response: HttpResponse, origin: string): void {
  response.setHeader("access-control-allow-origin", origin);
  response.setHeader("access-control-expose-headers", cors.exposedHeaders.join(", "));
  response.setHeader("vary", "Origin");
}

/** Seconds for which a browser need not ask again. */
const PREFLIGHT_AGE = 600;

function answerPreflight(response: HttpResponse): void {
  response.setHeader("access-control-allow-methods", cors.allowedMethods.join(", "));
  response.setHeader(
    "access-control-allow-headers",
    [...cors.allowedHeaders, "Authorization", "Last-Event-ID"].join(", "),
  );
  response.setHeader("access-control-max-age", String(PREFLIGHT_AGE));
  response.statusCode = 204;
  response.end();
}
