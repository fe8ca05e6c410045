import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { createSecureContext, type SecureContextOptions } from "node:tls";

/** Paths of what encryption takes, in PEM. They are read again when they change. */
export interface TlsFiles {
  /** The service's certificate, and those between it and its authority. */
  readonly cert: string;
  readonly key: string;
  /** Certificates of the authorities whose clients may connect. */
  readonly clientCa?: string;
}

/** What the files have. */
export interface TlsContents {
  readonly cert: Buffer;
  readonly key: Buffer;
  readonly clientCa?: Buffer | undefined;
}

/** Something of the contents that cannot be used. */
export interface TlsFault {
  readonly file: keyof TlsFiles;
  readonly cause: string;
}

/**
 * Makes what encryption takes of the files' contents. All of it is read here, since Node passes over what it cannot read of
 * authorities, and then no client could connect.
 *
 * @throws Error with everything that cannot be used
 */
export function secureContextOptions({ cert, key, clientCa }: TlsContents): SecureContextOptions {
  const faults = tlsFaults({ cert, key, clientCa });
  if (faults.length > 0) throw new Error(faults.map(({ file, cause }) => `${file}: ${cause}`).join("; "));
  const options: SecureContextOptions = { cert, key, ca: clientCa, minVersion: "TLSv1.2" };
  createSecureContext(options);
  return options;
}

/** What of the contents cannot be used. What is missing of them says nothing. */
export function tlsFaults({ cert, key, clientCa }: Partial<TlsContents>): TlsFault[] {
  const faults: TlsFault[] = [];
  const attempt = <T>(file: keyof TlsFiles, read: () => T): T | undefined => {
    try {
      return read();
    } catch (error) {
      faults.push({ file, cause: (error as Error).message });
      return undefined;
    }
  };
  const [first] = (cert && attempt("cert", () => readCertificates(cert))) ?? [];
  const secret = key && attempt("key", () => readKey(key));
  if (clientCa !== undefined) attempt("clientCa", () => readCertificates(clientCa));
  if (first && secret && !first.checkPrivateKey(secret)) {
    faults.push({ file: "key", cause: "it is not that of the certificate" });
  }
  return faults;
}

function readKey(pem: Buffer): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch (error) {
    throw new Error(`there is no private key in PEM that can be read: ${(error as Error).message}`);
  }
}

const BEGIN = /-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----/g;
const WHOLE = /-----BEGIN ((?:X509 |TRUSTED )?CERTIFICATE)-----[\s\S]*?-----END \1-----/g;

/**
 * Reads all certificates of a file in PEM; what else it has says nothing.
 *
 * @throws Error where there is none, or one that is broken or cut off
 */
export function readCertificates(pem: Buffer): X509Certificate[] {
  const text = pem.toString("latin1");
  const begun = text.match(BEGIN)?.length ?? 0;
  if (begun === 0) throw new Error("there is no certificate in PEM");
  const certificates = (text.match(WHOLE) ?? []).map((whole, index) => {
    try {
      return new X509Certificate(whole);
    } catch (error) {
      throw new Error(`certificate ${index + 1} is broken: ${(error as Error).message}`);
    }
  });
  if (certificates.length < begun) throw new Error(`certificate ${certificates.length + 1} is cut off`);
  return certificates;
}
