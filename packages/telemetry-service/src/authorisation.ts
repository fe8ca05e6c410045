import { BlockList, isIP } from "node:net";
import { Code, ConnectError } from "@connectrpc/connect";
import { formatAddress } from "@kernscope/telemetry-api";
import type { Connection } from "./connection.js";
import { TelemetryServiceError } from "./errors.js";
import type { Place } from "./place.js";

// Who may connect and subscribe is decided here and nowhere else:
//
// - a UNIX socket: whoever its file lets connect;
// - TCP on loopback: every user of the host, unless the place asks for certificates or tokens;
// - TCP beyond: only encrypted, and only with a certificate or a token;
// - a browser's page: only of an origin that was named, even where its user may; and on loopback no page at all by another
//   host's name. That is decided first, and for everything that is served.
//
// Who may connect may subscribe to everything.

/** What a request says of who sends it. */
export interface Claims {
  /** Header `authorization`, or the same from where a browser can put it. */
  readonly authorization: string | undefined;
  /** Header `origin`: a browser's page sends it, except with what it gets and cannot read, such as images. */
  readonly origin: string | undefined;
  /** Header `sec-fetch-site`: what a browser says of the page's origin. A page cannot change it. */
  readonly fetchSite: string | undefined;
  /** Header `host` or `:authority`: what the client takes the service's name for. */
  readonly host: string | undefined;
}

/** What is known of those who may. */
export interface Access {
  /** Origins of pages that may. */
  readonly origins: ReadonlySet<string>;
  /** Names whose token this is; undefined where it is nobody's. */
  readonly tokenOwner: (token: string) => string | undefined;
}

/**
 * Refuses a place that would let anybody in.
 *
 * @throws TelemetryServiceError `invalid`
 */
export function assertSafe({ address, tls, clientCertificates, tokens }: Place): void {
  if (address.kind === "unix" || (isLoopback(address.host) && !tls && !clientCertificates)) return;
  const operation = `listen(${formatAddress(address)})`;
  if (!tls) {
    const remedy = "give --tls-cert and --tls-key with --tls-client-ca or --token-file, or listen on 127.0.0.1";
    throw new TelemetryServiceError("invalid", `${operation}: plain TCP beyond this host is not served – ${remedy}`);
  }
  if (!clientCertificates && !tokens && !isLoopback(address.host)) {
    const remedy = "give --tls-client-ca or --token-file, so that clients can prove who they are";
    throw new TelemetryServiceError("invalid", `${operation}: anybody could connect – ${remedy}`);
  }
}

/**
 * Refuses what comes from a browser's page that may not, whoever its user is.
 *
 * @throws ConnectError PermissionDenied
 */
export function refusePages({ place }: Connection, { origin, fetchSite, host }: Claims, { origins }: Access): void {
  const remedy = "name it with --allow-origin";
  if (origin !== undefined && !origins.has(origin)) throw denied(`pages of this origin may not – ${remedy}`);
  // Otherwise a page could have its user subscribe, for instance by an image, though it would see nothing.
  if (origin === undefined && (fetchSite === "cross-site" || fetchSite === "same-site")) {
    throw denied(`a page asks that does not say its origin – ${remedy}, and ask by EventSource or fetch`);
  }
  const isOpen = !place.tls && !place.tokens && !place.clientCertificates;
  if (place.address.kind === "tcp" && isOpen && !isLoopback(hostName(host))) {
    // A page can let its own name mean 127.0.0.1; its browser then takes this service for the page's own host.
    throw denied("this service has the name localhost – connect to localhost, 127.0.0.1 or [::1]");
  }
}

/**
 * Decides whether a request may be served.
 *
 * @returns whom limits per client count for
 * @throws ConnectError Unauthenticated
 */
export function authorise({ place, certificate }: Connection, { authorization }: Claims, access: Access): string {
  if (certificate !== undefined) return `certificate ${certificate}`;
  if (place.tokens) {
    const token = /^bearer +(\S+)$/i.exec(authorization ?? "")?.[1];
    const owner = token === undefined ? undefined : access.tokenOwner(token);
    if (owner !== undefined) return `token ${owner}`;
    const cause = token === undefined ? "a bearer token is missing" : "this bearer token is nobody's";
    throw new ConnectError(`${cause} – send the header authorization: Bearer TOKEN`, Code.Unauthenticated);
  }
  if (place.clientCertificates) throw new ConnectError("a client certificate is missing", Code.Unauthenticated);
  // Nobody says who they are, and each could make any number of connections.
  return `anybody at ${formatAddress(place.address)}`;
}

const loopback = new BlockList();
loopback.addSubnet("127.0.0.0", 8, "ipv4");
loopback.addAddress("::1", "ipv6");

/** Whether only this host can reach a TCP address. IPv4's may be written as IPv6's, `::ffff:127.0.0.1`. */
export function isLoopback(host: string): boolean {
  const [address = ""] = host.split("%", 1);
  const version = isIP(address);
  return version === 0 ? host.toLowerCase() === "localhost" : loopback.check(address, version === 4 ? "ipv4" : "ipv6");
}

/** `host` or `host:port`, with an IPv6 address in brackets. An absent one is what HTTP/1.0 sends, not a browser. */
function hostName(host: string | undefined): string {
  if (host === undefined || host === "") return "localhost";
  return /^\[([^\]]*)\](?::\d+)?$/.exec(host)?.[1] ?? host.replace(/:\d+$/, "");
}

function denied(message: string): ConnectError {
  return new ConnectError(message, Code.PermissionDenied);
}
