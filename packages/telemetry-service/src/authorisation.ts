import { isIP } from "node:net";
import { Code, ConnectError } from "@connectrpc/connect";
import { formatAddress, type ServiceAddress } from "@kernscope/telemetry-api";
import type { Connection } from "./connection.js";
import { TelemetryServiceError } from "./errors.js";
import type { Place } from "./place.js";

// Who may connect and subscribe is decided here and nowhere else:
//
// - a UNIX socket: whoever its file lets connect;
// - TCP on loopback: every user of the host, unless the place asks for certificates or tokens;
// - TCP beyond: only encrypted, and only with a certificate or a token;
// - a browser's page: only of an origin that was named; and on loopback no page at all by another host's name.
//
// Who may connect may subscribe to everything.

/** What a request says of who sends it. */
export interface Claims {
  /** Header `authorization`, or the same from where a browser can put it. */
  readonly authorization: string | undefined;
  /** Header `origin`: a browser's page sends it. */
  readonly origin: string | undefined;
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
 * Decides whether a request may be served.
 *
 * @returns whom limits per client count for
 * @throws ConnectError Unauthenticated, PermissionDenied
 */
export function authorise({ place, certificate, number }: Connection, claims: Claims, access: Access): string {
  const { origin, authorization, host } = claims;
  if (origin !== undefined && !access.origins.has(origin)) {
    throw denied("pages of this origin may not – name it with --allow-origin");
  }
  if (certificate !== undefined) return `certificate ${certificate}`;
  if (place.tokens) {
    const token = /^bearer +(\S+)$/i.exec(authorization ?? "")?.[1];
    const owner = token === undefined ? undefined : access.tokenOwner(token);
    if (owner !== undefined) return `token ${owner}`;
    const cause = token === undefined ? "a bearer token is missing" : "this bearer token is nobody's";
    throw new ConnectError(`${cause} – send the header authorization: Bearer TOKEN`, Code.Unauthenticated);
  }
  if (place.clientCertificates) throw new ConnectError("a client certificate is missing", Code.Unauthenticated);
  if (place.address.kind === "tcp" && !place.tls && !isLoopback(hostName(host))) {
    // A page can let its own name mean 127.0.0.1; its browser then takes this service for the page's own host.
    throw denied("this service has the name localhost – connect to localhost, 127.0.0.1 or [::1]");
  }
  return `connection ${number}`;
}

/** Whether only this host can reach a TCP address. */
export function isLoopback(host: string): boolean {
  if (isIP(host) === 4) return host.startsWith("127.");
  return host === "::1" || host.toLowerCase() === "localhost";
}

/** Whether a place is reached by TCP from this host only. */
export function isLocal(address: ServiceAddress): boolean {
  return address.kind === "unix" || isLoopback(address.host);
}

/** `host` or `host:port`, with an IPv6 address in brackets. An absent one is what HTTP/1.0 sends, not a browser. */
function hostName(host: string | undefined): string {
  if (host === undefined || host === "") return "localhost";
  return /^\[([^\]]*)\](?::\d+)?$/.exec(host)?.[1] ?? host.replace(/:\d+$/, "");
}

function denied(message: string): ConnectError {
  return new ConnectError(message, Code.PermissionDenied);
}
