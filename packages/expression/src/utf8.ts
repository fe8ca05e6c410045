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

/** Lone surrogates that stand for bytes which are no UTF-8: U+DC80 … U+DCFF for 0x80 … 0xff. */
const escapedBytes = /[\udc80-\udcff]/gu;

/** A text's bytes as UTF-8, those apart that a lone surrogate stands for. */
export function utf8(text: string): Uint8Array {
  const buffer = new Utf8Buffer();
  const length = buffer.write(text);
  return buffer.bytes.subarray(0, length);
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
    const { written } = encoder.encodeInto(text, this.bytes);
    return written > length && text.search(escapedBytes) >= 0 ? this.#writeEscaped(text) : written;
  }

  #writeEscaped(text: string): number {
    let at = 0;
    let from = 0;
    for (const { index } of text.matchAll(escapedBytes)) {
      at += encoder.encodeInto(text.slice(from, index), this.bytes.subarray(at)).written;
      this.bytes[at++] = text.charCodeAt(index) & 0xff;
      from = index + 1;
    }
    return at + encoder.encodeInto(text.slice(from), this.bytes.subarray(at)).written;
  }
}
