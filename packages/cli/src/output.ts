import { write } from "node:fs";
import { setTimeout } from "node:timers/promises";
import { promisify } from "node:util";

const writeTo = promisify(write);
/** Milliseconds to wait where another process made the output non-blocking and its reader is slow. */
const RETRY_TIME = 10;

/**
 * Writes to a file descriptor off the main thread: whoever reads slowly slows the stream down, but signals are still
 * heard. (Node's own streams write to pipes and terminals synchronously.)
 */
export class Output {
  readonly #fd: number;

  constructor(fd: number) {
    this.#fd = fd;
  }

  /**
   * Resolves when all is written: one write at a time.
   *
   * @throws NodeJS.ErrnoException, with `EPIPE` when nobody reads any more
   */
  async write(text: string): Promise<void> {
    let bytes = Buffer.from(text);
    while (bytes.length > 0) {
      try {
        const { bytesWritten } = await writeTo(this.#fd, bytes);
        bytes = bytes.subarray(bytesWritten);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw error;
        await setTimeout(RETRY_TIME);
      }
    }
  }
}
