/** What every HTTP/2 client sends first: RFC 9113, section 3.4. */
const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");

/** Tells from the first bytes of a connection what the client speaks; undefined while there are too few. */
export function protocolOf(bytes: Uint8Array): "http1" | "http2" | undefined {
  const length = Math.min(bytes.length, preface.length);
  if (preface.compare(bytes, 0, length, 0, length) !== 0) return "http1";
  return length === preface.length ? "http2" : undefined;
}
