import type { ServerHttp2Session } from "node:http2";
import type { Socket } from "node:net";
import type { HttpRequest } from "./http-front.js";
import type { Place } from "./place.js";

/** A connection of a client. */
export interface Connection {
  /** Where it came in. */
  readonly place: Place;
  /** SHA-256 of the certificate that the client proved to have, where it has one that the place trusts. */
  readonly certificate?: string;
  /** Lets the client keep its place: it may be served. */
  readonly letIn: () => void;
  /** Ends it at once. */
  readonly cut: () => void;
}

const key = Symbol("connection");
type Keyed = { [key]?: Connection };

/** Remembers what connection a socket is. HTTP/2 hands out stand-ins for sockets, which have what the socket has. */
export function setConnection(socket: Socket, connection: Connection): void {
  (socket as Keyed)[key] = connection;
}

/** The connection that a request came by; undefined where it is closed. */
export function connectionOf(request: HttpRequest): Connection | undefined {
  const socket = "stream" in request ? request.stream.session?.socket : request.socket;
  return (socket as Keyed | undefined)?.[key];
}

/** The connection of a session that is open. */
export function connectionOfSession(session: ServerHttp2Session): Connection | undefined {
  return (session.socket as Keyed)[key];
}
