// HTTP/2's frames and HPACK as far as it takes to find one header: RFC 9113, section 4; RFC 7541, sections 5 and 6.

const FRAME_HEAD = 9;
const PREFACE = 24;
const HEADERS = 1;
const SETTINGS = 4;
const ACK = 1;
const PRIORITY = 0x20;
const PADDED = 0x08;
/** Index of `:authority` in HPACK's static table. */
const AUTHORITY = 1;
const SLASH = 0x2f;
const DOT = 0x2e;
/** The same two in HPACK's Huffman code: both take six bits. */
const HUFFMAN_SLASH = 0b011000;
const HUFFMAN_DOT = 0b010111;

/**
 * Puts dots in the place of the slashes in `:authority` of the first request among an HTTP/2 connection's first bytes.
 *
 * gRPC clients whose target is a path send that path; nghttp2 refuses their request, because no host is called so. Over a
 * UNIX socket it says nothing. The length stays, and with it all that HPACK remembers: the connection's other requests
 * refer to the first.
 *
 * @param bytes from the preface on; changed in place
 * @returns whether the first request was among them, or nothing that could be understood
 */
export function mendAuthority(bytes: Buffer): boolean {
  for (let at = PREFACE; at + FRAME_HEAD <= bytes.length; ) {
    const end = at + FRAME_HEAD + bytes.readUIntBE(at, 3);
    if (bytes[at + 3] === HEADERS) {
      if (end > bytes.length) return false;
      mendBlock(headerBlock(bytes.subarray(at + FRAME_HEAD, end), bytes[at + 4] as number));
      return true;
    }
    at = end;
  }
  return false;
}

/** The bytes without the frame that acknowledges SETTINGS; undefined where there is none among them. */
export function withoutAcknowledgement(bytes: Buffer): Buffer | undefined {
  for (let at = PREFACE; at + FRAME_HEAD <= bytes.length; ) {
    const end = at + FRAME_HEAD + bytes.readUIntBE(at, 3);
    if (bytes[at + 3] === SETTINGS && (bytes[at + 4] as number) & ACK) {
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(end)]);
    }
    at = end;
  }
  return undefined;
}

/** The compressed headers in the payload of a frame. */
function headerBlock(payload: Buffer, flags: number): Buffer {
  const padding = flags & PADDED ? (payload[0] ?? 0) : 0;
  const from = (flags & PADDED ? 1 : 0) + (flags & PRIORITY ? 5 : 0);
  return payload.subarray(from, Math.max(from, payload.length - padding));
}

function mendBlock(block: Buffer): void {
  for (let at = 0; at < block.length; ) {
    const first = block[at] as number;
    // Indexed fields, and changes of the table's size, have no text.
    const bits = first & 0x80 ? 7 : first & 0x40 ? 6 : first & 0x20 ? 5 : 4;
    const index = integerAt(block, at, bits);
    at = index.next;
    if (first & 0x80 || (first & 0xe0) === 0x20) continue;
    if (index.value === 0) at = textAt(block, at).next;
    const text = textAt(block, at);
    if (index.value === AUTHORITY) {
      if (text.packed) mendPacked(text.bytes);
      else for (let i = 0; i < text.bytes.length; i++) if (text.bytes[i] === SLASH) text.bytes[i] = DOT;
      return;
    }
    at = text.next;
  }
}

function textAt(block: Buffer, at: number): { bytes: Buffer; packed: boolean; next: number } {
  const { value: length, next } = integerAt(block, at, 7);
  return { bytes: block.subarray(next, next + length), packed: ((block[at] ?? 0) & 0x80) > 0, next: next + length };
}

function integerAt(block: Buffer, at: number, bits: number): { value: number; next: number } {
  const most = 2 ** bits - 1;
  let value = (block[at] ?? 0) & most;
  let next = at + 1;
  if (value < most) return { value, next };
  for (let scale = 1; next < block.length; scale *= 128) {
    const byte = block[next++] as number;
    value += (byte & 0x7f) * scale;
    if (byte < 0x80) break;
  }
  return { value, next };
}

/** Codes of five to eight bits are all that stand in names and paths; behind a longer one, or the padding, it stops. */
function mendPacked(bytes: Buffer): void {
  for (let bit = 0; bit + 5 <= bytes.length * 8; ) {
    const eight = bitsAt(bytes, bit, 8);
    const length = eight < 0x50 ? 5 : eight < 0xb8 ? 6 : eight < 0xf8 ? 7 : eight < 0xfe ? 8 : 0;
    if (length === 0) return;
    if (length === 6 && eight >> 2 === HUFFMAN_SLASH) {
      // They differ in the last four bits.
      for (let i = 2; i < 6; i++) setBit(bytes, bit + i, (HUFFMAN_DOT >> (5 - i)) & 1);
    }
    bit += length;
  }
}

/** Beyond the end there are ones, as in the padding. */
function bitsAt(bytes: Buffer, bit: number, count: number): number {
  const at = bit >> 3;
  const two = ((bytes[at] ?? 0xff) << 8) | (bytes[at + 1] ?? 0xff);
  return (two >> (16 - (bit & 7) - count)) & (2 ** count - 1);
}

function setBit(bytes: Buffer, bit: number, value: number): void {
  const mask = 0x80 >> (bit & 7);
  const byte = bytes[bit >> 3] ?? 0;
  bytes[bit >> 3] = value ? byte | mask : byte & ~mask;
}
