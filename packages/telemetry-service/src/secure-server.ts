import type { Server, Socket } from "node:net";
import { createServer as createTlsServer, type SecureContextOptions } from "node:tls";
import { formatAddress } from "@kernscope/telemetry-api";
import type { ConnectionPlaces } from "./connection-places.js";
import { TelemetryServiceError } from "./errors.js";
import { fixedLimits } from "./limits.js";
import type { Place } from "./place.js";
import { secureContextOptions, type TlsFiles } from "./tls-files.js";
import { WatchedFiles } from "./watched-files.js";

/**
 * Makes a server that encrypts, and takes its files into use again when they change.
 *
 * @param onFault told of files that changed and cannot be used; those before stay in use then
 * @throws TelemetryServiceError `invalid`
 */
export async function secureServer(
  place: Place,
  files: TlsFiles,
  onFault: (error: unknown) => void,
): Promise<{ server: Server; dispose: () => void }> {
  const { cert, key, clientCa } = files;
  const paths = [cert, key, ...(clientCa !== undefined ? [clientCa] : [])];
  let server: ReturnType<typeof createTlsServer> | undefined;
  const make = ([certificate, secret, authorities]: readonly Buffer[]): SecureContextOptions => {
    // Throws where the key is not the certificate's; only what holds together comes into use.
    const options = secureContextOptions({
      cert: certificate as Buffer,
      key: secret as Buffer,
      clientCa: authorities,
    });
    server?.setSecureContext(options);
    return options;
  };
  const toFault = (error: unknown, operation: string, advice: string) => {
    const message = `${operation}(${formatAddress(place.address)}): ${(error as Error).message} – ${advice}`;
    return new TelemetryServiceError("invalid", message, { cause: error });
  };
  const remedy = "look at the files that --tls-cert, --tls-key and --tls-client-ca name";
  let watched: WatchedFiles<SecureContextOptions>;
  try {
    const onChanged = (error: unknown) => onFault(toFault(error, "reload", `${remedy}; those before stay in use`));
    watched = await WatchedFiles.open(paths, make, onChanged);
  } catch (error) {
    throw toFault(error, "listen", remedy);
  }
  server = createTlsServer({
    ...watched.current,
    requestCert: place.clientCertificates,
    // Where a token will do as well, a client without a certificate gets as far as being asked for it.
    rejectUnauthorized: place.clientCertificates && !place.tokens,
    ALPNProtocols: ["h2", "http/1.1"],
    handshakeTimeout: fixedLimits.handshakeTime,
  });
  // A client that cannot be understood is not the service's fault.
  server.on("tlsClientError", (_, socket) => socket.destroy());
  return { server: server as Server, dispose: () => watched[Symbol.dispose]() };
}

/** A connection has its place before keys are exchanged, and is handed on after. */
export function acceptSecure(
  server: Server,
  places: ConnectionPlaces,
  onConnection: (socket: Socket, letIn: () => void) => void,
): void {
  const byPeer = new Map<string, Socket>();
  const peerOf = ({ remoteAddress, remotePort }: Socket) => `${remoteAddress} ${remotePort}`;
  server.on("connection", (socket: Socket) => {
    if (!places.take(socket)) return;
    const peer = peerOf(socket);
    byPeer.set(peer, socket);
    socket.on("close", () => byPeer.get(peer) === socket && byPeer.delete(peer));
  });
  server.on("secureConnection", (secure: Socket) => {
    onConnection(secure, () => {
      const socket = byPeer.get(peerOf(secure));
      if (socket !== undefined) places.letIn(socket);
    });
  });
}
