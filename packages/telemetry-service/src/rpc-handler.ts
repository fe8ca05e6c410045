import { type Code, type ConnectRouter, createConnectRouter, createContextValues } from "@connectrpc/connect";
import {
  compressionGzip,
  universalRequestFromNodeRequest,
  universalResponseToNodeResponse,
} from "@connectrpc/connect-node";
import { callerKey } from "./get-events.js";
import type { HttpRequest, HttpResponse } from "./http-front.js";
import { readRequests } from "./read-requests.js";

/** Connect's bound: no message is this long. */
const NEVER = 0xffffffff;

/** Answers requests by Connect, gRPC and gRPC-Web. */
export interface RpcHandler {
  /** Paths that are served. */
  readonly paths: readonly string[];
  /** Whether the answer of a path goes on for as long as the service has something to tell. */
  readonly isStream: (path: string) => boolean;
  /** @param client whom limits per client count for */
  serve(request: HttpRequest, response: HttpResponse, client: string): Promise<void>;
}

/**
 * Makes the handler.
 *
 * @param routes what is served
 * @param requestBytes bounds a request's message, unpacked
 * @param onRefused told of requests that are refused before a handler has them
 */
export function rpcHandler(
  routes: (router: ConnectRouter) => void,
  requestBytes: number,
  onRefused: (code: Code) => void,
): RpcHandler {
  const router = createConnectRouter({
    interceptors: [readRequests(onRefused)],
    readMaxBytes: requestBytes,
    // Requests may come packed; packing events costs more than it saves on one host.
    acceptCompression: [compressionGzip],
    compressMinBytes: NEVER,
  });
  routes(router);
  const handlers = new Map(router.handlers.map((handler) => [handler.requestPath, handler]));
  return {
    paths: [...handlers.keys()],
    isStream: (path) => handlers.get(path)?.method.methodKind === "server_streaming",
    serve: async (request, response, client) => {
      const handler = handlers.get(request.url?.split("?", 1)[0] ?? "");
      if (handler === undefined) throw new RangeError(`${request.url} is not served`);
      // Connect makes a URL of the authority, but over a UNIX socket clients put anything there.
      if ("stream" in request) request.headers[":authority"] = "localhost";
      request.headers.host = "localhost";
      const cut = () => ("stream" in response ? response.stream : response).destroy();
      const values = createContextValues().set(callerKey, { client, cut });
      const universal = universalRequestFromNodeRequest(request, response as never, undefined, values);
      await universalResponseToNodeResponse(await handler(universal), response as never);
    },
  };
}
