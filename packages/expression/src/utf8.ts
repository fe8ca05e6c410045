const encoder = new TextEncoder();

/** Bytes of a text as UTF-8. */
export function utf8Length(text: string): number {
  let length = text.length;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit > 0x7f) length++;
    // A surrogate pair is two units and four bytes: each counts for two.
    if (unit > 0x7ff && (unit < 0xd800 || unit > 0xdfff)) length++;
  }
  return length;
}

/** A text's bytes as UTF-8. */
export function utf8(text: string): Uint8Array {
  return encoder.encode(text);
}
