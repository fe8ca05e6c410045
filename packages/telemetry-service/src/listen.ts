import { createServer, type Server, type Socket } from "node:net";
import { createSecureContext, createServer as createTlsServer, type SecureContextOptions } from "node:tls";
import { formatAddress } from "@kernscope/telemetry-api";
import { assertSafe } from "./authorisation.js";
import { TelemetryServiceError } from "./errors.js";
import type { Place } from "./place.js";
import { listenOnSocketFile, type SocketFileOptions } from "./socket-file.js";
import { WatchedFiles } from "./watched-files.js";

/** Paths of what encryption takes, in PEM. They are read again when they change. */
export interface TlsFiles {
  /** The service's certificate, and those between it and its authority. */
  readonly cert: string;
  readonly key: string;
  /** Certificates of the authorities whose clients may connect. */
  readonly clientCa?: string;
}

export interface ListenOptions {
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
 * @param onConnection takes each connection over, when what encryption needs was exchanged
 * @throws TelemetryServiceError `invalid`, `in_use`, `permission`, `system`
 */
export async function listen(
  place: Place,
  { tls, socket, onFault }: ListenOptions,
  onConnection: (socket: Socket) => void,
): Promise<Listener> {
  assertSafe(place);
  const { address } = place;
  if (address.kind === "unix") {
    const server = createServer(onConnection);
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
  server.on(place.tls ? "secureConnection" : "connection", (accepted: Socket) => {
    // Batches go out as they are: what is small is urgent.
    accepted.setNoDelay(true);
    onConnection(accepted);
  });
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

/** Milliseconds until a client must have exchanged its keys. */
const HANDSHAKE_TIME = 10_000;

async function secureServer(place: Place, files: TlsFiles, onFault: (error: unknown) => void) {
  const { cert, key, clientCa } = files;
  const paths = [cert, key, ...(clientCa !== undefined ? [clientCa] : [])];
  let server: ReturnType<typeof createTlsServer> | undefined;
  const make = ([certificate, secret, authorities]: readonly Buffer[]): SecureContextOptions => {
    const options = { cert: certificate, key: secret, ca: authorities, minVersion: "TLSv1.2" } as SecureContextOptions;
    // Throws where the key is not the certificate's; only what holds together comes into use.
    createSecureContext(options);
    server?.setSecureContext(options);
    return options;
  };
  let watched: WatchedFiles<SecureContextOptions>;
  try {
    watched = await WatchedFiles.open(paths, make, onFault);
  } catch (error) {
    const cause = (error as Error).message;
    const remedy = "look at the files that --tls-cert, --tls-key and --tls-client-ca name";
    const message = `listen(${formatAddress(place.address)}): ${cause} – ${remedy}`;
    throw new TelemetryServiceError("invalid", message, { cause: error });
  }
  server = createTlsServer({
    ...watched.current,
    requestCert: place.clientCertificates,
    // Where a token will do as well, a client without a certificate gets as far as being asked for it.
    rejectUnauthorized: place.clientCertificates && !place.tokens,
    ALPNProtocols: ["h2", "http/1.1"],
    handshakeTimeout: HANDSHAKE_TIME,
  });
  // A client that cannot be understood is not the service's fault.
  server.on("tlsClientError", (_, socket) => socket.destroy());
  return { server: server as Server, dispose: () => watched[Symbol.dispose]() };
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
