import { Code, type ConnectError } from "@connectrpc/connect";
import type { HttpResponse } from "../http-front.js";

/** HTTP's statuses for those of gRPC. What is not here is the service's fault. */
const statuses: Readonly<Partial<Record<Code, number>>> = {
  [Code.Canceled]: 499,
  [Code.InvalidArgument]: 400,
  [Code.FailedPrecondition]: 400,
  [Code.Unauthenticated]: 401,
  [Code.PermissionDenied]: 403,
  [Code.NotFound]: 404,
  [Code.ResourceExhausted]: 429,
  [Code.Unimplemented]: 501,
  [Code.Unavailable]: 503,
  [Code.DeadlineExceeded]: 504,
};

/** Answers a request that is not served with its error: `{"code": …, "message": …}`, the code as in google.rpc.Code. */
export function refuseInJson(response: HttpResponse, { code, rawMessage: message }: ConnectError): void {
  respondJson(response, statuses[code] ?? 500, { code, message });
}

export function respondJson(response: HttpResponse, status: number, body: unknown): void {
  respondText(response, status, `${JSON.stringify(body)}\n`, "application/json");
}

export function respondText(response: HttpResponse, status: number, text: string, type = "text/plain"): void {
  response.statusCode = status;
  response.setHeader("content-type", `${type}; charset=utf-8`);
  response.setHeader("x-content-type-options", "nosniff");
  response.end(text);
}
