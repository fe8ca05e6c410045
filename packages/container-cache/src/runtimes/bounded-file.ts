import { constants } from "node:fs";
import { open } from "node:fs/promises";

/** What came of reading a file: its text; `large`: it has more than the limit; `undefined`: it is not there or no file. */
export type BoundedText = { readonly text: string; readonly large: boolean } | undefined;

/** Reads a regular file that may be replaced, or be something else, at any time; never more than `limit` bytes. */
export async function readBounded(path: string, limit: number): Promise<BoundedText> {
  try {
    // A FIFO would otherwise be waited for.
    await using handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const { size } = await handle.stat().then((found) => (found.isFile() ? found : { size: -1 }));
    if (size < 0) return undefined;
    let buffer = Buffer.allocUnsafe(Math.min(limit, size) + 1);
    let length = 0;
    while (length <= limit) {
      // It grows while it is read: whoever writes it has not finished.
      if (length === buffer.length) {
        const larger = Buffer.allocUnsafe(Math.min(limit, 2 * length) + 1);
        buffer.copy(larger);
        buffer = larger;
      }
      const { bytesRead } = await handle.read(buffer, length, buffer.length - length, length);
      if (bytesRead === 0) break;
      length += bytesRead;
    }
    const large = length > limit;
    return { text: large ? "" : buffer.toString("utf8", 0, length), large };
  } catch {
    return undefined;
  }
}
