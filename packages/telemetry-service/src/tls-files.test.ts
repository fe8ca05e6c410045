import { readFileSync } from "node:fs";
import { requires } from "@kernscope/test-support";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { makeCertificates } from "./testing/certificates.js";
import { inTemporaryDirectory } from "./testing/index.js";
import { readCertificates, tlsFaults } from "./tls-files.js";

const withOpenssl = requires({ programs: ["/usr/bin/openssl"] });

withOpenssl(
  "certificates, whatever stands around them, and none that is broken or cut off",
  inTemporaryDirectory(async (directory) => {
    const { ca, cert } = makeCertificates(directory, "ours", ["one"]);
    const [first, second] = [readFileSync(ca, "latin1"), readFileSync(cert("one"), "latin1")];
    const names = (text: string) => readCertificates(Buffer.from(text, "latin1")).map(({ subject }) => subject);
    assert.equal(names(`# authorities\r\n${first}\nno comment\n${second.replaceAll("\n", "\r\n")}`), [
      "CN=ours",
      "CN=one",
    ]);
    const half = second.slice(0, second.length / 2);
    const wrong: [string, RegExp][] = [
      ["", /there is no certificate in PEM/],
      ["nonsense", /there is no certificate in PEM/],
      [`${first}${half}`, /certificate 2 is cut off/],
      [`${half}${first}`, /certificate 1 is broken/],
      [first.replace(/\n.{20}/, "\n"), /certificate 1 is broken/],
    ];
    for (const [text, message] of wrong) assert.throws(() => names(text), message, text);
  }),
);

withOpenssl(
  "all that cannot be used is told, by file",
  inTemporaryDirectory(async (directory) => {
    const { ca, cert, key } = makeCertificates(directory, "ours", ["one", "two"]);
    const contents = { cert: readFileSync(cert("one")), key: readFileSync(key("one")), clientCa: readFileSync(ca) };
    assert.equal(tlsFaults(contents), []);
    assert.equal(tlsFaults({}), []);
    const junk = Buffer.from("junk");
    const filesOf = (changes: Partial<typeof contents>) =>
      tlsFaults({ ...contents, ...changes }).map(({ file }) => file);
    assert.equal(filesOf({ cert: junk, key: junk, clientCa: junk }), ["cert", "key", "clientCa"]);
    assert.equal(filesOf({ key: readFileSync(key("two")) }), ["key"]);
  }),
);

test.run();
