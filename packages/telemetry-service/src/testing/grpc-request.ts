import { type ClientHttp2Session, connect as connectHttp2 } from "node:http2";
import { connect } from "node:net";
import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { GetEventsRequestSchema, type SubscriptionSchema } from "@kernscope/telemetry-api";

export const getEventsPath = "/capsule8.api.v0.TelemetryService/GetEvents";
export const grpcHeaders = {
  ":method": "POST",
  ":path": getEventsPath,
  "content-type": "application/grpc",
  te: "trailers",
};

/** A `GetEventsRequest` in its envelope. */
export function grpcRequest(subscription: MessageInitShape<typeof SubscriptionSchema>): Buffer {
  return enveloped(toBinary(GetEventsRequestSchema, create(GetEventsRequestSchema, { subscription })));
}

/** A message with a byte of flags and four of length before it. */
export function enveloped(message: Uint8Array, flags = 0): Buffer {
  const head = Buffer.from([flags, 0, 0, 0, 0]);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

/** An HTTP/2 session at a UNIX socket, with the common window of 64 KiB. */
export function sessionAt(path: string): ClientHttp2Session {
  const session = connectHttp2("http://localhost", { createConnection: () => connect(path) });
  session.on("error", () => {});
  return session;
}

/** Sends bytes as the body of a request, and resolves with the status that gRPC has for it, or HTTP where that has none. */
export function statusOf(session: ClientHttp2Session, body: Uint8Array, more: object = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    const stream = session.request({ ...grpcHeaders, ...more });
    let status: string | undefined;
    const take = (headers: Record<string, unknown>) => {
      status = String(headers["grpc-status"] ?? status ?? headers[":status"]);
    };
    stream.on("response", take).on("trailers", take);
    stream.on("error", reject);
    stream.on("close", () => (status === undefined ? reject(new Error("no answer")) : resolve(status)));
    stream.resume();
    stream.end(body);
  });
}
