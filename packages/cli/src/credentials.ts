import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { createSecureContext } from "node:tls";
import { CliError, ExitStatus } from "./errors.js";
import { printable } from "./format/printable.js";

/** Paths of what a client knows a service by, and what it proves itself with. */
export interface CredentialFiles {
  /** Certificates of the authorities that services' certificates are trusted of, in PEM. Default: those that Node knows. */
  readonly tlsCa?: string | undefined;
  /** The client's certificate, and its key, in PEM. */
  readonly tlsCert?: string | undefined;
  readonly tlsKey?: string | undefined;
  /** The client's bearer token, or a line `OWNER TOKEN` as the service has it. */
  readonly tokenFile?: string | undefined;
}

/** What the files hold. */
export interface Credentials {
  /** Undefined where none of the files is of TLS. */
  readonly tls: { readonly ca?: Buffer; readonly cert?: Buffer; readonly key?: Buffer } | undefined;
  readonly token: string | undefined;
}

/**
 * Reads the files.
 *
 * @throws CliError for what cannot be used
 */
export function readCredentials({ tlsCa, tlsCert, tlsKey, tokenFile }: CredentialFiles): Credentials {
  if ((tlsCert === undefined) !== (tlsKey === undefined)) {
    throw usage("--tls-cert, --tls-key: one is given without the other – give both");
  }
  const tls = {
    ...(tlsCa !== undefined && { ca: read("--tls-ca", tlsCa) }),
    ...(tlsCert !== undefined && { cert: read("--tls-cert", tlsCert) }),
    ...(tlsKey !== undefined && { key: read("--tls-key", tlsKey) }),
  };
  // Node passes over what it cannot read of authorities.
  if (tls.ca !== undefined) attempt("--tls-ca", () => new X509Certificate(tls.ca as Buffer));
  if (tls.cert !== undefined) attempt("--tls-cert, --tls-key", () => createSecureContext(tls));
  return {
    tls: Object.keys(tls).length > 0 ? tls : undefined,
    token: tokenFile === undefined ? undefined : tokenOf(read("--token-file", tokenFile).toString("latin1")),
  };
}

function read(flag: string, path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw usage(`${flag}: ${printable((error as Error).message)} – give a file that can be read`);
  }
}

function attempt(flags: string, check: () => unknown): void {
  try {
    check();
  } catch (error) {
    throw usage(`${flags}: ${printable((error as Error).message)} – give files that belong together, in PEM`);
  }
}

function tokenOf(text: string): string {
  const lines = text.split("\n").map((line) => line.trim());
  const [line = "", ...more] = lines.filter((each) => each !== "" && !each.startsWith("#"));
  const words = line.split(/\s+/);
  const token = words.at(-1) ?? "";
  if (more.length === 0 && words.length <= 2 && /^[\x21-\x7e]+$/.test(token)) return token;
  throw usage("--token-file: it is no token – give a file with one line, TOKEN or OWNER TOKEN");
}

function usage(message: string): CliError {
  return new CliError(message, ExitStatus.USAGE);
}
