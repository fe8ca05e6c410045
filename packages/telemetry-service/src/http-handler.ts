import type { Http2ServerRequest, Http2ServerResponse } from "node:http2";
import { type ConnectError, cors } from "@connectrpc/connect";
import { TelemetryService } from "@kernscope/telemetry-api";
import { type Access, authorise, type Claims, refusePages } from "./authorisation.js";
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
  const { access, rpc, limits, metrics, onFault } = parts;
  const served = [...rpc.paths, EVENTS_PATH, "/metrics", "/healthz", "/readyz"].join(", ");

  /** Answers what needs no permission; returns whether it was that. */
  const answerToAnybody = (request: HttpRequest, response: HttpResponse, path: string, { origin }: Claims): boolean => {
    // A browser asks before it sends a page's request, and without its token.
    if (request.method === "OPTIONS" && origin !== undefined) answerPreflight(response);
    // Those who look after the service need not be among those who may see its events.
    else if (path === "/healthz") respondText(response, 200, "ok\n");
    else if (path === "/readyz" && parts.isReady()) respondText(response, 200, "ready\n");
    else if (path === "/readyz") respondText(response, 503, "not ready: the service is about to stop\n");
    else return false;
    return true;
  };

  const answer = async (request: HttpRequest, response: HttpResponse): Promise<void> => {
    const [path = "", query = ""] = (request.url ?? "").split("?", 2);
    const connection = connectionOf(request);
    if (connection === undefined) return;
    const claims = claimsOf(request, path, query);
    let client: string;
    try {
      refusePages(connection, claims, access);
      if (claims.origin !== undefined) allowOrigin(response, claims.origin);
      if (answerToAnybody(request, response, path, claims)) return;
      client = authorise(connection, claims, access);
    } catch (error) {
      metrics.refused((error as ConnectError).code);
      return refuse(request, response, error as ConnectError);
    }
    connection.letIn();
    if (path === GET_EVENTS_PATH && isHttp2(request) && request.method === "POST" && isPlainGrpc(request)) {
      return serveGrpc(parts, request, response as Http2ServerResponse, client);
    }
    if (rpc.paths.includes(path)) {
      if (!rpc.isStream(path)) limitTime(response, limits.requestTime + limits.progressTime);
      return rpc.serve(request, response, client);
    }
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

/** Ends an answer that is not over after `time` milliseconds: one that its client does not take, or that waits for more of it. */
function limitTime(response: HttpResponse, time: number): void {
  const late = setTimeout(() => ("stream" in response ? response.stream : response).destroy(), time);
  response.on("close", () => clearTimeout(late));
}

function isHttp2(request: HttpRequest): request is Http2ServerRequest {
  return "stream" in request;
}

function claimsOf({ headers }: HttpRequest, path: string, query: string): Claims {
  return {
    authorization: headers.authorization ?? tokenIn(path, query),
    origin: headers.origin,
    fetchSite: headers["sec-fetch-site"]?.toString(),
    host: headers[":authority"]?.toString() ?? headers.host,
  };
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
