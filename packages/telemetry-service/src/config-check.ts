import { readFileSync, statfsSync } from "node:fs";
import { parseAddress } from "@kernscope/telemetry-api";
import { assertSafe } from "./authorisation.js";
import type { Config, ReadConfig } from "./config.js";
import type { Place } from "./place.js";
import type { TelemetryServiceOptions } from "./service.js";
import { secureContextOptions, type TlsContents, type TlsFiles, tlsFaults } from "./tls-files.js";
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

/** Flags of the files. */
const tlsFlags = { cert: "--tls-cert", key: "--tls-key", clientCa: "--tls-client-ca" } as const;
/** `statfs(2)`'s types of the hierarchies of cgroup v2 and v1. */
const cgroupTypes = new Set([0x63677270, 0x27e0eb]);

/**
 * What is wrong beyond the form: with what files hold, with who could connect, and with what is watched. A line each, with
 * its remedy. Nothing is said of settings that were not read.
 */
export function checkConfig({ config, unread }: Pick<ReadConfig, "config" | "unread">): string[] {
  const mistakes: string[] = [];
  const attempt = (prefix: string, remedy: string, check: () => void) => {
    try {
      check();
    } catch (error) {
      const { message } = error as Error;
      mistakes.push(`${prefix}${message}${message.includes(" – ") ? "" : ` – ${remedy}`}`);
    }
  };
  const isGiven = (...names: (keyof Config)[]) => names.some((name) => unread.has(name) || config[name] !== undefined);
  for (const text of config.listen) {
    const address = parseAddress(text);
    const tcp = address.kind === "tcp";
    const place: Place = {
      address,
      tls: tcp && isGiven("tlsCert", "tlsKey"),
      clientCertificates: tcp && isGiven("tlsClientCa"),
      tokens: tcp && isGiven("tokenFile"),
    };
    attempt("", "", () => assertSafe(place));
  }
  const { tlsCert: cert, tlsKey: key, tlsClientCa: clientCa, tokenFile } = config;
  mistakes.push(...checkTls({ cert, key, clientCa }));
  if (tokenFile !== undefined) {
    attempt("--token-file: ", "give a file that can be read", () => void new Tokens(readFileSync(tokenFile, "utf8")));
  }
  for (const path of config.cgroups) {
    attempt(`--cgroup ${path}: `, "give a directory of a cgroup, such as /sys/fs/cgroup/system.slice", () => {
      if (!cgroupTypes.has(statfsSync(path).type)) throw new Error("it is no cgroup");
    });
  }
  return mistakes;
}

function checkTls(paths: Readonly<Record<keyof TlsFiles, string | undefined>>): string[] {
  const mistakes: string[] = [];
  const contents: Partial<Record<keyof TlsContents, Buffer>> = {};
  for (const file of ["cert", "key", "clientCa"] as const) {
    const path = paths[file];
    try {
      if (path !== undefined) contents[file] = readFileSync(path);
    } catch (error) {
      mistakes.push(`${tlsFlags[file]}: ${(error as Error).message} – give a file that can be read`);
    }
  }
  for (const { file, cause } of tlsFaults(contents)) {
    mistakes.push(`${tlsFlags[file]}: ${cause} – give ${file === "key" ? "its key" : "certificates"} in PEM`);
  }
  const { cert, key, clientCa } = contents;
  if (mistakes.length > 0 || cert === undefined || key === undefined) return mistakes;
  try {
    secureContextOptions({ cert, key, clientCa });
  } catch (error) {
    mistakes.push(`--tls-cert, --tls-key: ${(error as Error).message} – give files that belong together, in PEM`);
  }
  return mistakes;
}

/** The configuration as `--check` prints it, in the form of the file. */
export function printConfig(config: Config): string {
  const { socketMode, ...rest } = config;
  return `${JSON.stringify({ ...rest, socketMode: socketMode.toString(8).padStart(4, "0") }, undefined, 2)}\n`;
}
