import { connect } from "node:net";
import { type CallOptions, type Client, createClient } from "@connectrpc/connect";
import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";
import { Containers } from "../gen/containerd/containers_pb.js";
import { Events } from "../gen/containerd/events_pb.js";
import { Images } from "../gen/containerd/images_pb.js";
import { Namespaces } from "../gen/containerd/namespaces_pb.js";
import { Tasks } from "../gen/containerd/tasks_pb.js";

/** Bytes of a message at most: the list of all containers of a namespace, with the configuration of each. */
const READ_LIMIT = 64 << 20;

/** containerd's services on one connection. */
export interface ContainerdClient {
  readonly containers: Client<typeof Containers>;
  readonly events: Client<typeof Events>;
  readonly images: Client<typeof Images>;
  readonly namespaces: Client<typeof Namespaces>;
  readonly tasks: Client<typeof Tasks>;
  /** Options of a call in a namespace. */
  in(namespace: string): CallOptions;
  /** Ends the connection at once, whatever is awaited. */
  close(): void;
}

/** Connects with the first call; each call but that for events has `timeout` milliseconds. */
export function connectContainerd(socket: string, timeout: number, signal: AbortSignal): ContainerdClient {
  const baseUrl = "http://localhost";
  const sessions = new Http2SessionManager(
    baseUrl,
    { idleConnectionTimeoutMs: 60_000 },
    {
      createConnection: () => connect(socket),
    },
  );
  const transport = createGrpcTransport({ baseUrl, sessionManager: sessions, readMaxBytes: READ_LIMIT });
  return {
    containers: createClient(Containers, transport),
    events: createClient(Events, transport),
    images: createClient(Images, transport),
    namespaces: createClient(Namespaces, transport),
    tasks: createClient(Tasks, transport),
    in: (namespace) => ({ headers: { "containerd-namespace": namespace }, timeoutMs: timeout, signal }),
    close: () => sessions.abort(new Error("closed")),
  };
}
