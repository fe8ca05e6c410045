import { createServer, type Socket } from "node:net";
import { formatAddress, type ServiceAddress } from "@kernscope/telemetry-api";
import { TelemetryServiceError } from "./errors.js";
import { listenOnSocketFile } from "./socket-file.js";

/** A place where clients can connect. */
export interface Listener {
  readonly address: ServiceAddress;
  /** Takes no more connections, and removes the socket's file. Those that there are go on. */
  close(): Promise<void>;
}

/**
 * Listens at an address.
 *
 * @param onConnection takes each connection over
 * @throws TelemetryServiceError `unsupported`, `in_use`, `permission`, `system`
 */
export async function listen(address: ServiceAddress, onConnection: (socket: Socket) => void): Promise<Listener> {
  if (address.kind === "tcp") {
    const message = `listen(${formatAddress(address)}): TCP is not served yet – give unix:PATH`;
    throw new TelemetryServiceError("unsupported", message);
  }
  const server = createServer(onConnection);
  const file = await listenOnSocketFile(server, address.path);
  return {
    address,
    close: async () => {
      server.close();
      await file.remove();
    },
  };
}
