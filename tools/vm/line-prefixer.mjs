import { Writable } from "node:stream";
import { StringDecoder } from "node:string_decoder";

/** Passes text on line by line, each with a prefix. End it to have a last line without a line end passed on too. */
export class LinePrefixer extends Writable {
  /** The last line that was not empty, without prefix and line end. @type {string | undefined} */
  lastLine;
  #prefix;
  #target;
  #decoder = new StringDecoder();
  #rest = "";

  /**
   * @param {string} prefix
   * @param {Writable} target Is not ended.
   */
  constructor(prefix, target) {
    super();
    this.#prefix = prefix;
    this.#target = target;
  }

  /**
   * @override
   * @param {Buffer} chunk
   * @param {BufferEncoding} _encoding
   * @param {() => void} done
   */
  _write(chunk, _encoding, done) {
    const lines = (this.#rest + this.#decoder.write(chunk)).split("\n");
    this.#rest = lines.pop() ?? "";
    this.#passOn(lines, done);
  }

  /** @override @param {() => void} done */
  _final(done) {
    const rest = this.#rest + this.#decoder.end();
    this.#passOn(rest === "" ? [] : [rest], done);
  }

  /** @param {readonly string[]} lines @param {() => void} done */
  #passOn(lines, done) {
    this.lastLine = lines.findLast((line) => line !== "") ?? this.lastLine;
    const text = lines.map((line) => `${this.#prefix}${line}\n`).join("");
    if (this.#target.write(text)) done();
    else this.#target.once("drain", done);
  }
}
