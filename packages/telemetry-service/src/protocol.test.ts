import { test } from "uvu";
import * as assert from "uvu/assert";
import { protocolOf } from "./protocol.js";

const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

test("the preface of HTTP/2, alone or with more behind it", () => {
  assert.is(protocolOf(preface), "http2");
  assert.is(protocolOf(Buffer.concat([preface, Buffer.alloc(9)])), "http2");
});

test("not decided while all that is there could become the preface", () => {
  for (let length = 0; length < preface.length; length++) assert.is(protocolOf(preface.subarray(0, length)), undefined);
});

test("anything else is HTTP/1.1, from the first byte that tells", () => {
  for (const text of ["G", "GET / HTTP/1.1\r\n", "P", "PO", "PRI * HTTP/1.1", "\0"]) {
    assert.is(protocolOf(Buffer.from(text)), preface.toString().startsWith(text) ? undefined : "http1", text);
  }
});

test.run();
