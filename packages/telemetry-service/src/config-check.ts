import { readFileSync } from "node:fs";
import { createSecureContext } from "node:tls";
import { parseAddress } from "@kernscope/telemetry-api";
import { assertSafe } from "./authorisation.js";
import type { Config } from "./config.js";
import type { Place } from "./place.js";
import type { TelemetryServiceOptions } from "./service.js";
import { Tokens } from "./tokens.js";

/** The options that a configuration makes for the service. */
export function serviceOptions(config: Config): TelemetryServiceOptions {
  const { tlsCert, tlsKey, tlsClientCa, tokenFile, allowOrigins, limits, socketMode: mode, socketGroup } = config;
  return {
    limits,
    allowOrigins,
    socket: { mode, ...(socketGroup !== undefined && { group: socketGroup }) },
    ...(tlsCert !== undefined &&
      tlsKey !== undefined && {
        tls: { cert: tlsCert, key: tlsKey, ...(tlsClientCa !== undefined && { clientCa: tlsClientCa }) },
      }),
    ...(tokenFile !== undefined && { tokenFile }),
  };
}

/** What is wrong beyond the form: with what files hold, and with who could connect. A line each, with its remedy. */
export function checkConfig(config: Config): string[] {
  const { tls, tokenFile } = serviceOptions(config);
  const mistakes: string[] = [];
  const attempt = (prefix: string, remedy: string, check: () => void) => {
    try {
      check();
    } catch (error) {
      const { message } = error as Error;
      mistakes.push(`${prefix}${message}${message.includes(" – ") ? "" : ` – ${remedy}`}`);
    }
  };
  for (const text of config.listen) {
    const address = parseAddress(text);
    const tcp = address.kind === "tcp";
    const place: Place = {
      address,
      tls: tcp && tls !== undefined,
      clientCertificates: tcp && tls?.clientCa !== undefined,
      tokens: tcp && tokenFile !== undefined,
    };
    attempt("", "", () => assertSafe(place));
  }
  if (tls !== undefined) {
    attempt("--tls-cert, --tls-key: ", "give files that belong together, in PEM", () => {
      const { cert, key, clientCa } = tls;
      const ca = clientCa === undefined ? {} : { ca: readFileSync(clientCa) };
      createSecureContext({ cert: readFileSync(cert), key: readFileSync(key), ...ca });
    });
  }
  if (tokenFile !== undefined) {
    attempt("--token-file: ", "give a file that can be read", () => void new Tokens(readFileSync(tokenFile, "utf8")));
  }
  return mistakes;
}

/** The configuration as `--check` prints it, in the form of the file. */
export function printConfig(config: Config): string {
  const { socketMode, ...rest } = config;
  return `${JSON.stringify({ ...rest, socketMode: socketMode.toString(8).padStart(4, "0") }, undefined, 2)}\n`;
}
