import type { ConnectRouter } from "@connectrpc/connect";
import { createConnectRouter } from "@connectrpc/connect";
import {
  compressionGzip,
  universalRequestFromNodeRequest,
  universalResponseToNodeResponse,
} from "@connectrpc/connect-node";
import type { HttpHandler, HttpRequest, HttpResponse } from "./http-front.js";

/** Connect's bound: no message is this long. */
const NEVER = 0xffffffff;

/**
 * Answers requests by Connect, gRPC and gRPC-Web.
 *
 * @param routes what is served
 * @param requestBytes bounds a request's message, unpacked
 * @param onFault told of what neither the client nor its connection is to blame for
 */
export function rpcHandler(
  routes: (router: ConnectRouter) => void,
  requestBytes: number,
  onFault: (error: unknown) => void,
): HttpHandler {
  const router = createConnectRouter({
    readMaxBytes: requestBytes,
    // Requests may come packed; packing events costs more than it saves on one host.
    acceptCompression: [compressionGzip],
    compressMinBytes: NEVER,
  });
  routes(router);
  const handlers = new Map(router.handlers.map((handler) => [handler.requestPath, handler]));
  const paths = [...handlers.keys()].join(", ");

  const answer = async (request: HttpRequest, response: HttpResponse) => {
    const handler = handlers.get(request.url?.split("?", 1)[0] ?? "");
    if (handler === undefined) return refuse(response, 404, `nothing is served here – served are ${paths}`);
    // Connect makes a URL of the authority, but over a UNIX socket clients put anything there.
    if ("stream" in request) request.headers[":authority"] = "localhost";
    request.headers.host = "localhost";
    const universal = universalRequestFromNodeRequest(request, response as never, undefined, undefined);
    await universalResponseToNodeResponse(await handler(universal), response as never);
  };
  return (request, response) => {
    answer(request, response).catch((error: unknown) => {
      // An error that comes with the connection's end is the client's.
      if (!response.destroyed && !response.writableEnded && !request.destroyed) onFault(error);
      if (response.headersSent) response.destroy();
      else refuse(response, 500, "the service failed");
    });
  };
}

function refuse(response: HttpResponse, status: number, text: string): void {
  response.statusCode = status;
  response.setHeader("content-type", "text/plain; charset=utf-8");
  response.end(`${text}\n`);
}
