import { once } from "node:events";
import type { Writable } from "node:stream";

/** Writes lines to a stream no faster than it takes them, many at a time. */
export class LineOutput {
  /** Whoever read the stream has gone (`| head`): nothing more is to be written. */
  closed = false;
  readonly #stream: Writable;

  constructor(stream: Writable) {
    this.#stream = stream;
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code !== "EPIPE" && error.code !== "ERR_STREAM_DESTROYED") throw error;
      this.closed = true;
    });
    stream.on("close", () => {
      this.closed = true;
    });
  }

  async write(lines: readonly string[]): Promise<void> {
    if (lines.length === 0 || this.closed) return;
    if (this.#stream.write(`${lines.join("\n")}\n`)) return;
    const gone = new AbortController();
    const { signal } = gone;
    try {
      await Promise.race([once(this.#stream, "drain", { signal }), once(this.#stream, "close", { signal })]);
    } catch {
      // The stream's own error: `closed` says it.
    } finally {
      gone.abort();
    }
  }
}
