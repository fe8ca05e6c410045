import { connect } from "node:net";
import { type Client, Code, ConnectError, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { parseAddress, TelemetryApiError, TelemetryService } from "@kernscope/telemetry-api";
import { CliError, ExitStatus } from "./errors.js";
import { printable } from "./format/printable.js";

/** Bytes of a message that is taken from a service: more than one of ours sends, less than what would be felt. */
const READ_MAX_BYTES = 64 * 1024 * 1024;

/** A client of the service at `address`; it connects with the first call. Throws CliError for what is no address. */
export function clientOf(address: string): Client<typeof TelemetryService> {
  try {
    const parsed = parseAddress(address);
    const target =
      parsed.kind === "unix" ? { path: parsed.path } : { host: parsed.host || "localhost", port: parsed.port };
    return createClient(
      TelemetryService,
      createGrpcTransport({
        baseUrl: "http://localhost",
        readMaxBytes: READ_MAX_BYTES,
        nodeOptions: { createConnection: () => connect(target) },
      }),
    );
  } catch (error) {
    if (!(error instanceof TelemetryApiError)) throw error;
    throw new CliError(error.message.replace(/^parseAddress\((".*?")\): /, "--address $1: "), ExitStatus.USAGE);
  }
}

/** What went wrong with the connection itself, by errno: cause and remedy. */
const connectionFaults: Readonly<Record<string, string>> = {
  ENOENT: "there is no such socket – start kernscope-sensor, or say with --address where it listens",
  ECONNREFUSED: "nobody listens there – start kernscope-sensor, or say with --address where it listens",
  EACCES: "this user may not connect – run as root, or join the socket's group",
  EPERM: "this user may not connect – run as root, or join the socket's group",
  ENOTSOCK: "that is no socket – say with --address where the service listens",
  ENOTFOUND: "there is no such host – say with --address where the service listens",
};

/** Says in one line what an error of a call means for the person at the terminal. */
export function explain(error: unknown, address: string): CliError {
  if (error instanceof CliError) return error;
  if (!(error instanceof ConnectError)) return new CliError(`unexpected: ${printable(String(error))}`);
  const errno = (error.cause as NodeJS.ErrnoException | undefined)?.code ?? "";
  const where = printable(address);
  const fault = Object.hasOwn(connectionFaults, errno) ? connectionFaults[errno] : undefined;
  if (fault !== undefined) return new CliError(`no service at ${where}: ${fault}`);
  const message = printable(error.rawMessage);
  switch (error.code) {
    case Code.InvalidArgument:
    case Code.Unimplemented:
    case Code.FailedPrecondition:
    case Code.ResourceExhausted:
    case Code.PermissionDenied:
    case Code.Unauthenticated:
      return new CliError(`the service at ${where} refuses the subscription: ${message}`);
    case Code.Unavailable:
      return new CliError(`the service at ${where} is not there any more: ${message} – look at its log`);
    default:
      return new CliError(`the service at ${where} failed, or is no telemetry service: ${message} – look at its log`);
  }
}
