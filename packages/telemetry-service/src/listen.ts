import { createServer, type Server, type Socket } from "node:net";
import { formatAddress } from "@kernscope/telemetry-api";
import { assertSafe } from "./authorisation.js";
import { ConnectionPlaces } from "./connection-places.js";
import { TelemetryServiceError } from "./errors.js";
import type { Place } from "./place.js";
import { acceptSecure, secureServer } from "./secure-server.js";
import { listenOnSocketFile, type SocketFileOptions } from "./socket-file.js";
import type { TlsFiles } from "./tls-files.js";

export interface ListenOptions {
  /** Connections at a time, those that exchange keys included. */
  readonly connections: number;
  /** Used for TCP. */
  readonly tls?: TlsFiles;
  /** Used for UNIX sockets. */
  readonly socket?: SocketFileOptions;
  readonly onFault: (error: unknown) => void;
}

/** A place where clients can connect. */
export interface Listener {
  readonly place: Place;
  /** Takes no more connections, and removes the socket's file. Those that there are go on. */
  close(): Promise<void>;
}

/**
 * Listens at a place.
 *
 * @param onConnection takes each connection over, when what encryption needs was exchanged; calls `letIn` when it knows that
 *   the client may be served: until then it may lose its place to another one
 * @throws TelemetryServiceError `invalid`, `in_use`, `permission`, `system`
 */
export async function listen(
  place: Place,
  { connections, tls, socket, onFault }: ListenOptions,
  onConnection: (socket: Socket, letIn: () => void) => void,
): Promise<Listener> {
  assertSafe(place);
  const { address } = place;
  const places = new ConnectionPlaces(connections);
  const accept = (socket: Socket) => {
    if (places.take(socket)) onConnection(socket, () => places.letIn(socket));
  };
  if (address.kind === "unix") {
    const server = createServer(accept);
    const file = await listenOnSocketFile(server, address.path, socket);
    return {
      place,
      close: async () => {
        server.close();
        await file.remove();
      },
    };
  }
  const { server, dispose } = place.tls && tls ? await secureServer(place, tls, onFault) : plainServer();
  // Batches go out as they are: what is small is urgent.
  server.on("connection", (socket: Socket) => socket.setNoDelay(true));
  if (place.tls) acceptSecure(server, places, onConnection);
  else server.on("connection", accept);
  try {
    await listenOnPort(server, address.host, address.port);
  } catch (error) {
    dispose();
    throw toServiceError(error, place);
  }
  return {
    place,
    close: async () => {
      dispose();
      server.close();
    },
  };
}

function plainServer() {
  return { server: createServer(), dispose: () => {} };
}

function listenOnPort(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ port, ...(host !== "" && { host }) }, () => {
      server.off("error", reject);
      resolve();
    });
  });
}

function toServiceError(error: unknown, { address }: Place): TelemetryServiceError {
  if (error instanceof TelemetryServiceError) return error;
  const { code = "system", message } = error as NodeJS.ErrnoException;
  const operation = `listen(${formatAddress(address)})`;
  const options = { cause: error };
  if (code === "EADDRINUSE") {
    const cause = "another service is listening there";
    const remedy = "end the one there, or give another port with --listen HOST:PORT";
    return new TelemetryServiceError("in_use", `${operation}: ${cause} – ${remedy}`, options);
  }
  if (code === "EACCES" || code === "EPERM") {
    const remedy = "give a port from 1024 up, or CAP_NET_BIND_SERVICE";
    return new TelemetryServiceError("permission", `${operation}: ${code} – ${remedy}`, options);
  }
  const remedy = "give an address of this host with --listen HOST:PORT";
  return new TelemetryServiceError("system", `${operation}: ${message} – ${remedy}`, options);
}
