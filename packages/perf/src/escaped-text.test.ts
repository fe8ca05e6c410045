import { test } from "uvu";
import * as assert from "uvu/assert";
import { decodeEscaped } from "./escaped-text.js";

const decode = (...bytes: number[]) => decodeEscaped(Uint8Array.from([0x2f, ...bytes, 0x2f]), 1, bytes.length + 1);

test("what is UTF-8 is decoded as everywhere", () => {
  const text = "a\u0080\u07ff\u0800\ud7ff\ue000\ufffd\uffff\u{10000}\u{10ffff}é€";
  assert.is(decode(...Buffer.from(text)), text);
});

test("each byte that is not is told by itself, and what is around it stays", () => {
  assert.is(decode(0xff), "\udcff");
  assert.is(decode(0x61, 0x80, 0x62), "a\udc80b");
  // Cut, overlong, a surrogate, beyond the last code point, leads of five bytes and more.
  assert.is(decode(0xe2, 0x82), "\udce2\udc82");
  assert.is(decode(0xe2, 0x82, 0x61), "\udce2\udc82a");
  assert.is(decode(0xc0, 0xaf), "\udcc0\udcaf");
  assert.is(decode(0xed, 0xa0, 0x80), "\udced\udca0\udc80");
  assert.is(decode(0xf4, 0x90, 0x80, 0x80), "\udcf4\udc90\udc80\udc80");
  assert.is(decode(0xf8, 0x90, 0x80, 0x80), "\udcf8\udc90\udc80\udc80");
  assert.is(decode(0xc3, 0xc3, 0xa9), "\udcc3é");
});

test("whatever the bytes, different ones are different texts, and where Node finds nothing wrong it reads the same", () => {
  const seen = new Map<string, string>();
  for (let first = 0; first < 256; first++) {
    for (let second = 0; second < 256; second++) {
      const bytes = Buffer.from([first, second, 0xbf]);
      const text = decode(...bytes);
      const hex = bytes.toString("hex");
      assert.is(seen.get(text), undefined, hex);
      seen.set(text, hex);
      if (!bytes.toString().includes("\ufffd")) assert.is(text, bytes.toString(), hex);
    }
  }
});

test.run();
