import type { ServiceAddress } from "@kernscope/telemetry-api";

/** A place where clients connect, and what it asks of them. */
export interface Place {
  readonly address: ServiceAddress;
  /** Whether connections are encrypted. */
  readonly tls: boolean;
  /** Whether clients may prove who they are by certificate. */
  readonly clientCertificates: boolean;
  /** Whether clients may prove who they are by a bearer token. */
  readonly tokens: boolean;
}
