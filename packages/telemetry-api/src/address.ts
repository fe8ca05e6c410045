import { TelemetryApiError } from "./errors.js";

/** Where a service listens. */
export type ServiceAddress =
  /** A UNIX socket: path of its file. */
  | { readonly kind: "unix"; readonly path: string }
  /** A TCP port, 1 to 65535. `host` is a name or an IP address without brackets; empty for every address of the host. */
  | { readonly kind: "tcp"; readonly host: string; readonly port: number };

/** Where a service listens, and a client looks for it, unless told otherwise. */
export const defaultAddress = "unix:/run/kernscope/sensor.sock";

/** Bytes of a path in `sockaddr_un`, without the NUL at its end: unix(7). */
const longestSocketPath = 107;

/**
 * Reads an address: `unix:PATH` (`unix://PATH` too, as gRPC writes it) or `HOST:PORT`, with an IPv6 address in brackets.
 *
 * @throws {TelemetryApiError} `invalid_value`
 */
export function parseAddress(text: string): ServiceAddress {
  if (text.startsWith("unix:")) return { kind: "unix", path: socketPath(text) };
  const match = /^(?:\[([\w:.%]+)\]|([^\s:/[\]]*)):(\d{1,5})$/.exec(text);
  if (match === null) throw refused(text, "no address", "give unix:PATH or HOST:PORT");
  const port = Number(match[3]);
  if (port < 1 || port > 65535) throw refused(text, `there is no port ${port}`, "give one from 1 to 65535");
  return { kind: "tcp", host: match[1] ?? match[2] ?? "", port };
}

/** The text that {@link parseAddress} reads. */
export function formatAddress(address: ServiceAddress): string {
  if (address.kind === "unix") return `unix:${address.path}`;
  return `${address.host.includes(":") ? `[${address.host}]` : address.host}:${address.port}`;
}

function socketPath(text: string): string {
  const path = text.slice("unix:".length).replace(/^\/\/(?=\/)/, "");
  if (path === "" || path.endsWith("/")) throw refused(text, "no path of a file", "give unix:PATH");
  if (path.includes("\0")) throw refused(text, "a NUL in the path", "give unix:PATH");
  const size = new TextEncoder().encode(path).length;
  if (size > longestSocketPath) {
    throw refused(text, `the path has ${size} bytes`, `a socket's path has ${longestSocketPath} at the most`);
  }
  return path;
}

function refused(text: string, cause: string, remedy: string): TelemetryApiError {
  const shown = text.length > 120 ? `${text.slice(0, 120)}…` : text;
  return new TelemetryApiError("invalid_value", `parseAddress(${JSON.stringify(shown)})`, cause, remedy);
}
