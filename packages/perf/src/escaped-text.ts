/**
 * Decodes UTF-8 that may have other bytes in it: each of those becomes the lone surrogate U+DC00 + byte, as in Python's
 * `surrogateescape`, so that names of different bytes stay different and a text can be turned back into its bytes.
 */
export function decodeEscaped(bytes: Uint8Array, start: number, end: number): string {
  let text = "";
  for (let at = start; at < end; ) {
    const size = sizeOf(bytes[at]!);
    const point = at + size <= end ? codePoint(bytes, at, size) : -1;
    text += point < 0 ? String.fromCharCode(0xdc00 | bytes[at]!) : String.fromCodePoint(point);
    at += point < 0 ? 1 : size;
  }
  return text;
}

/** The smallest code points that take so many bytes: what is smaller is not UTF-8. */
const least = [0, 0, 0x80, 0x800, 0x1_0000];

/** Bytes of the character that a byte begins; 1 also where it begins none. */
function sizeOf(lead: number): number {
  if (lead < 0xc0 || lead >= 0xf8) return 1;
  return lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
}

/** −1 where the bytes are no character. */
function codePoint(bytes: Uint8Array, at: number, size: number): number {
  const lead = bytes[at]!;
  if (size === 1) return lead < 0x80 ? lead : -1;
  let point = lead & (0x7f >> size);
  for (let next = at + 1; next < at + size; next++) {
    const byte = bytes[next]!;
    if ((byte & 0xc0) !== 0x80) return -1;
    point = (point << 6) | (byte & 0x3f);
  }
  const isSurrogate = point >= 0xd800 && point <= 0xdfff;
  return point < least[size]! || point > 0x10_ffff || isSurrogate ? -1 : point;
}
