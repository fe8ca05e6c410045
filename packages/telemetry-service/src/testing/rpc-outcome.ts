import type { ClientHttp2Session } from "node:http2";
import { Code } from "@connectrpc/connect";
import { getEventsPath } from "./grpc-request.js";

/** A way to say `GetEventsRequest` in an envelope: its content type, and the header that says how it is packed. */
export interface Codec {
  readonly type: string;
  readonly encoding: "grpc-encoding" | "connect-content-encoding";
  readonly json: boolean;
}

export const codecs: Readonly<Record<string, Codec>> = {
  gRPC: { type: "application/grpc", encoding: "grpc-encoding", json: false },
  "gRPC in JSON": { type: "application/grpc+json", encoding: "grpc-encoding", json: true },
  "gRPC-Web": { type: "application/grpc-web+proto", encoding: "grpc-encoding", json: false },
  "gRPC-Web in JSON": { type: "application/grpc-web+json", encoding: "grpc-encoding", json: true },
  Connect: { type: "application/connect+proto", encoding: "connect-content-encoding", json: false },
  "Connect in JSON": { type: "application/connect+json", encoding: "connect-content-encoding", json: true },
};

/** Flags of the envelopes that end a stream. */
const WEB_TRAILERS = 0x80;
const CONNECT_END = 0x02;

/**
 * Sends bytes as a request's body and resolves with the name of the `google.rpc.Code` that its stream ends with, wherever
 * the protocol has it; `Ok` for none, `HTTP 415` and the like where the protocol was not spoken.
 */
export function outcomeOf(
  session: ClientHttp2Session,
  codec: Codec,
  body: Uint8Array,
  packed = false,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const stream = session.request({
      ":method": "POST",
      ":path": getEventsPath,
      "content-type": codec.type,
      ...(codec.type.startsWith("application/grpc") && { te: "trailers" }),
      ...(packed && { [codec.encoding]: "gzip" }),
    });
    const head: Record<string, unknown> = {};
    const chunks: Buffer[] = [];
    stream.on("response", (headers) => Object.assign(head, headers));
    stream.on("trailers", (headers) => Object.assign(head, headers));
    stream.on("data", (chunk) => chunks.push(chunk));
    stream.on("error", reject);
    stream.on("close", () => resolve(outcome(head, Buffer.concat(chunks))));
    stream.end(body);
  });
}

function outcome(head: Readonly<Record<string, unknown>>, body: Buffer): string {
  if (head["grpc-status"] !== undefined) return nameOf(Number(head["grpc-status"]));
  if (head[":status"] !== 200) return `HTTP ${head[":status"]}`;
  for (let rest = body; rest.length >= 5; rest = rest.subarray(5 + rest.readUInt32BE(1))) {
    const flags = rest.readUInt8(0);
    const text = () => rest.subarray(5, 5 + rest.readUInt32BE(1)).toString();
    if (flags === WEB_TRAILERS) return nameOf(Number(/^grpc-status: ?(\d+)/im.exec(text())?.[1]));
    if (flags === CONNECT_END) return connectName(JSON.parse(text()).error?.code);
  }
  return "no end";
}

function nameOf(code: number): string {
  return code === 0 ? "Ok" : (Code[code] ?? `code ${code}`);
}

/** Connect says `invalid_argument`. */
function connectName(code: string | undefined): string {
  if (code === undefined) return "Ok";
  return code.replace(/(?:^|_)(\w)/g, (_, letter: string) => letter.toUpperCase());
}
