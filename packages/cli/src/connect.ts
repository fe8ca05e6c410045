import { connect, isIP } from "node:net";
import { type Client, Code, ConnectError, createClient, type Interceptor } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import {
  formatAddress,
  parseAddress,
  type ServiceAddress,
  TelemetryApiError,
  TelemetryService,
} from "@kernscope/telemetry-api";
import { type CredentialFiles, readCredentials } from "./credentials.js";
import { CliError, ExitStatus } from "./errors.js";
import { printable } from "./format/printable.js";

/** Bytes of a message that is taken from a service: more than one of ours sends, less than what would be felt. */
const READ_MAX_BYTES = 64 * 1024 * 1024;

/**
 * A client of the service at `address`: `unix:PATH`, `HOST:PORT`, or `https://HOST:PORT`, which is encrypted, as is any with
 * one of the files of TLS. It connects with the first call.
 *
 * @throws CliError for what is no address, and for files that cannot be used
 */
export function clientOf(address: string, files: CredentialFiles = {}): Client<typeof TelemetryService> {
  const { tls, token } = readCredentials(files);
  const target = parse(address);
  const secure = tls !== undefined || address.startsWith(HTTPS);
  if (secure && target.kind === "unix") {
    throw usage(address, "a UNIX socket is not encrypted – give https://HOST:PORT, or leave the files of TLS out");
  }
  if (token !== undefined && !secure && target.kind === "tcp" && !isLoopback(target.host)) {
    throw usage(address, "the token would go there in the clear – give https://HOST:PORT");
  }
  const nodeOptions = secure ? tls : { createConnection: () => connect(connectOptions(target)) };
  const withToken: Interceptor = (next) => (request) => {
    request.header.set("authorization", `Bearer ${token}`);
    return next(request);
  };
  return createClient(
    TelemetryService,
    createGrpcTransport({
      baseUrl: secure ? `${HTTPS}${formatAddress(target)}` : "http://localhost",
      readMaxBytes: READ_MAX_BYTES,
      ...(nodeOptions && { nodeOptions }),
      interceptors: token === undefined ? [] : [withToken],
    }),
  );
}

const HTTPS = "https://";

function parse(address: string): ServiceAddress {
  const isHttps = address.startsWith(HTTPS);
  const text = isHttps ? address.slice(HTTPS.length).replace(/\/$/, "") : address;
  try {
    const parsed = parseAddress(text);
    return parsed.kind === "tcp" && parsed.host === "" ? { ...parsed, host: "localhost" } : parsed;
  } catch (error) {
    if (!(error instanceof TelemetryApiError)) throw error;
    throw new CliError(error.message.replace(/^parseAddress\((".*?")\): /, "--address $1: "), ExitStatus.USAGE);
  }
}

function connectOptions(address: ServiceAddress) {
  return address.kind === "unix" ? { path: address.path } : { host: address.host, port: address.port };
}

/** Whether what is sent there stays on this host. */
function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || (isIP(host) === 4 && host.startsWith("127."));
}

function usage(address: string, message: string): CliError {
  return new CliError(`--address ${printable(address)}: ${message}`, ExitStatus.USAGE);
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

const untrusted = "its certificate is of no authority that is trusted – give that of its authority with --tls-ca";
const unencrypted = "it does not speak TLS – give HOST:PORT, without files of TLS";
const unproved = "it takes only certificates that it trusts – give --tls-cert and --tls-key";

/** What went wrong with encryption, by the names of Node and OpenSSL. */
const tlsFaults: Readonly<Record<string, string>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: untrusted,
  SELF_SIGNED_CERT_IN_CHAIN: untrusted,
  UNABLE_TO_GET_ISSUER_CERT: untrusted,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: untrusted,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: untrusted,
  CERT_SIGNATURE_FAILURE: untrusted,
  CERT_HAS_EXPIRED: "its certificate has expired – have it renewed",
  ERR_TLS_CERT_ALTNAME_INVALID: "its certificate is for other names – say with --address one of those",
  ERR_SSL_WRONG_VERSION_NUMBER: unencrypted,
  ERR_SSL_PACKET_LENGTH_TOO_LONG: unencrypted,
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: unproved,
  ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE: unproved,
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: unproved,
};

/** Says in one line what an error of a call means for the person at the terminal. */
export function explain(error: unknown, address: string): CliError {
  if (error instanceof CliError) return error;
  if (!(error instanceof ConnectError)) return new CliError(`unexpected: ${printable(String(error))}`);
  const errno = (error.cause as NodeJS.ErrnoException | undefined)?.code ?? "";
  const where = printable(address);
  const fault = Object.hasOwn(connectionFaults, errno) ? connectionFaults[errno] : undefined;
  if (fault !== undefined) return new CliError(`no service at ${where}: ${fault}`);
  if (Object.hasOwn(tlsFaults, errno)) return new CliError(`cannot connect to ${where}: ${tlsFaults[errno]}`);
  const message = printable(error.rawMessage);
  switch (error.code) {
    case Code.InvalidArgument:
    case Code.Unimplemented:
    case Code.FailedPrecondition:
    case Code.ResourceExhausted:
    case Code.PermissionDenied:
      return new CliError(`the service at ${where} refuses the subscription: ${message}`);
    case Code.Unauthenticated: {
      // What follows is how a program would send it.
      const [cause] = message.split(" – ", 1);
      const remedy = "give --token-file, or --tls-cert and --tls-key";
      return new CliError(`the service at ${where} refuses the subscription: ${cause} – ${remedy}`);
    }
    case Code.Unavailable:
      return new CliError(`the service at ${where} is not there any more: ${message} – look at its log`);
    default:
      return new CliError(`the service at ${where} failed, or is no telemetry service: ${message} – look at its log`);
  }
}
