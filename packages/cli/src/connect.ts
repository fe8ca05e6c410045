import { connect as connectSocket } from "node:net";
import { Code, ConnectError, type Transport } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { formatAddress, parseAddress, type ServiceAddress, TelemetryApiError } from "@kernscope/telemetry-api";
import { CliError } from "./errors.js";

/** Reads `--address`. @throws {CliError} `usage` */
export function addressOption(text: string): ServiceAddress {
  try {
    return parseAddress(text);
  } catch (error) {
    if (error instanceof TelemetryApiError)
      throw new CliError("usage", `--address: ${error.message}`, { cause: error });
    throw error;
  }
}

/** A gRPC transport to a service. */
export function transportTo(address: ServiceAddress): Transport {
  if (address.kind === "unix") {
    const nodeOptions = { createConnection: () => connectSocket(address.path) };
    return createGrpcTransport({ baseUrl: "http://localhost", nodeOptions });
  }
  const host = address.host || "localhost";
  return createGrpcTransport({ baseUrl: `http://${host.includes(":") ? `[${host}]` : host}:${address.port}` });
}

/** What went wrong with a call, for the person at the terminal. */
export function toCliError(error: unknown, address: ServiceAddress): CliError {
  if (error instanceof CliError) return error;
  const { code, rawMessage } = ConnectError.from(error);
  const where = `events(${formatAddress(address)})`;
  const failed = (cause: string, remedy: string) =>
    new CliError("unavailable", `${where}: ${cause} – ${remedy}`, { cause: error });
  const errno = errnoOf(error);
  if (errno === "ENOENT" || errno === "ECONNREFUSED") {
    return failed("there is no service", "start one with kernscope-sensor, or name its address with --address");
  }
  if (errno === "EACCES") return failed("you may not connect", "run it as root or as a member of the socket's group");
  if (code === Code.Unavailable) return failed(`the service is gone (${rawMessage})`, "see what it logged");
  return new CliError("refused", `${where}: ${rawMessage}`, { cause: error });
}

/** The errno of the error that this one was made from, however deep. */
function errnoOf(error: unknown): string | undefined {
  for (let at = error, depth = 0; at instanceof Error && depth < 8; at = at.cause, depth++) {
    const { code } = at as { code?: unknown };
    if (typeof code === "string" && /^E[A-Z]+$/.test(code)) return code;
  }
  return undefined;
}
