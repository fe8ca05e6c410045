import { connect } from "node:net";
import type { Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from "@connectrpc/connect-node";

/** A transport of every kind, to the service at a UNIX socket. */
export function transportsTo(path: string): Record<string, Transport> {
  const baseUrl = "http://localhost";
  const http2 = { baseUrl, httpVersion: "2", nodeOptions: { createConnection: () => connect(path) } } as const;
  const http1 = { baseUrl, httpVersion: "1.1", nodeOptions: { socketPath: path } } as const;
  return {
    "gRPC over HTTP/2": createGrpcTransport(http2),
    "gRPC in JSON over HTTP/2": createGrpcTransport({ ...http2, useBinaryFormat: false }),
    "gRPC-Web over HTTP/2": createGrpcWebTransport(http2),
    "gRPC-Web over HTTP/1.1": createGrpcWebTransport(http1),
    "Connect over HTTP/2": createConnectTransport(http2),
    "Connect over HTTP/1.1": createConnectTransport(http1),
    "Connect in JSON over HTTP/1.1": createConnectTransport({ ...http1, useBinaryFormat: false }),
  };
}
