import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";

/** Paths of certificates that were made for a test. */
export interface Certificates {
  readonly ca: string;
  readonly cert: (name: string) => string;
  readonly key: (name: string) => string;
}

/** Makes an authority, and a certificate of it for each name, in a directory. Each call makes a new authority. */
export function makeCertificates(directory: string, authority: string, names: readonly string[]): Certificates {
  const path = (file: string) => join(directory, file);
  const openssl = (...args: string[]) => execFileSync("openssl", args, { cwd: directory, stdio: "pipe" });
  const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
  const self = ["req", "-x509", ...newKey, "-days", "2", "-subj", `/CN=${authority}`];
  openssl(...self, "-keyout", `${authority}.key`, "-out", `${authority}.crt`);
  writeFileSync(path("ext.cnf"), "subjectAltName=DNS:localhost,IP:127.0.0.1\n");
  for (const name of names) {
    openssl("req", ...newKey, "-subj", `/CN=${name}`, "-keyout", `${name}.key`, "-out", `${name}.csr`);
    const signed = ["-CA", `${authority}.crt`, "-CAkey", `${authority}.key`, "-CAcreateserial", "-days", "2"];
    openssl("x509", "-req", "-in", `${name}.csr`, ...signed, "-extfile", "ext.cnf", "-out", `${name}.crt`);
  }
  return {
    ca: path(`${authority}.crt`),
    cert: (name) => path(`${name}.crt`),
    key: (name) => path(`${name}.key`),
  };
}
