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

/** Characters up to which a loop is faster than the encoder. */
const SHORT = 64;

/** A buffer for many texts one after the other. */
export class Utf8Buffer {
  /** Bytes of the last text, and others behind them. */
  bytes = new Uint8Array(1024);

  /** Returns how many bytes the text has. */
  write(text: string): number {
    const { length } = text;
    if (length <= SHORT) {
      const { bytes } = this;
      let at = 0;
      for (; at < length; at++) {
        const unit = text.charCodeAt(at);
        if (unit > 0x7f) break;
        bytes[at] = unit;
      }
      if (at === length) return length;
    }
    // A unit of UTF-16 takes three bytes at the most.
    if (this.bytes.length < length * 3) this.bytes = new Uint8Array(length * 3);
    return encoder.encodeInto(text, this.bytes).written;
  }
}
