import { WireWriter } from "./wire-writer.js";

/** Texts of a field that are kept encoded. */
const MOST = 1024;
const none = new Uint8Array(0);

/** A field of text that has few values, each many times, such as names of system calls: each is encoded once. */
export class TextField {
  readonly #field: number;
  readonly #writer = new WireWriter(0);
  readonly #known = new Map<string, Uint8Array>();
  #lastText = "";
  #lastBytes: Uint8Array = none;

  /** @param field its number */
  constructor(field: number) {
    this.#field = field;
  }

  /** The field with its tag, as {@link WireWriter.string} writes it: nothing where the text is absent or empty. */
  bytesOf(text: string | undefined): Uint8Array {
    if (text === this.#lastText) return this.#lastBytes;
    if (text === undefined || text === "") return none;
    let bytes = this.#known.get(text);
    if (bytes === undefined) {
      bytes = this.#encode(text);
      // Whoever sends other texts than is said above gets them encoded, as everywhere.
      if (this.#known.size >= MOST) return bytes;
      this.#known.set(text, bytes);
    }
    this.#lastText = text;
    this.#lastBytes = bytes;
    return bytes;
  }

  #encode(text: string): Uint8Array {
    const writer = this.#writer;
    writer.start();
    writer.string(this.#field, text);
    return writer.finish().slice();
  }
}
