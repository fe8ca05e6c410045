import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";

/** Milliseconds between two looks: new certificates are made hours before the old ones end. */
const INTERVAL = 1000;

/**
 * Files that may be replaced while they are in use, as certificates are. Their content is looked at, since whoever
 * replaces them may do so by renaming a directory far above.
 */
export class WatchedFiles<T> implements Disposable {
  #current: T;
  readonly #timer: NodeJS.Timeout;

  private constructor(current: T, timer: (files: WatchedFiles<T>) => NodeJS.Timeout) {
    this.#current = current;
    this.#timer = timer(this);
  }

  /**
   * Reads the files and makes something of them, again whenever they change.
   *
   * @param make what is in use; where it throws for files that changed, the one before stays in use
   * @param onFault told of that
   * @throws what reading or `make` throws the first time
   */
  static async open<T>(
    paths: readonly string[],
    make: (contents: readonly Buffer[]) => T,
    onFault: (error: unknown) => void,
  ): Promise<WatchedFiles<T>> {
    const read = () => Promise.all(paths.map((path) => readFile(path)));
    const contents = await read();
    let last = digest(contents);
    let reading = false;
    const look = async (files: WatchedFiles<T>) => {
      if (reading) return;
      reading = true;
      try {
        const now = await read();
        const changed = digest(now);
        if (changed !== last) {
          last = changed;
          files.#current = make(now);
        }
      } catch (error) {
        // A file that is missing for a moment is one that is being replaced.
        if ((error as NodeJS.ErrnoException).code !== "ENOENT") onFault(error);
      } finally {
        reading = false;
      }
    };
    return new WatchedFiles(make(contents), (files) => setInterval(() => void look(files), INTERVAL).unref());
  }

  get current(): T {
    return this.#current;
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}

function digest(contents: readonly Buffer[]): string {
  const hash = createHash("sha256");
  for (const content of contents) hash.update(`${content.length}:`).update(content);
  return hash.digest("hex");
}
