import { binding, type NativeProcReader } from "./binding.js";
import { PerfNativeError } from "./errors.js";

/** A file in each of the directories that a {@link ProcReader} reads. */
export interface ProcFile {
  readonly name: string;
  /** Bytes of it at most: 1 to 2^31 − 1. */
  readonly limit: number;
}

/**
 * Reads the same files of many numbered directories, such as those of proc(5), in one call. Each directory is opened once
 * and its files through that, so that all are of one task, and what is named twice is read twice through one open file.
 *
 * The files of all directories lie in `into` one behind the other. `lengths` holds a length for each file of each
 * directory, or a negative errno: of the directory, if that could not be opened. A file as long as its limit may be longer.
 */
export class ProcReader {
  /** How many files are read of each directory. */
  readonly files: number;
  /** Bytes that the files of one directory take at most: with less room than that left, a call stops. */
  readonly most: number;
  readonly #native: NativeProcReader;

  /**
   * @param root what the numbered directories lie in
   * @throws PerfNativeError `unsupported`, `invalid`
   */
  constructor(root: string, files: readonly ProcFile[]) {
    for (const { name, limit } of files) {
      if (Number.isInteger(limit) && limit > 0 && limit < 2 ** 31) continue;
      throw new PerfNativeError("invalid", `ProcReader(${name}): limit ${limit} – must be from 1 to 2^31 − 1`);
    }
    const names = files.map(({ name }) => name);
    const limits = Uint32Array.from(files, ({ limit }) => limit);
    this.#native = new (binding().ProcReader)(root, names, limits);
    this.files = files.length;
    this.most = files.reduce((sum, { limit }) => sum + limit, 0);
  }

  /**
   * Reads on a thread of Node's pool; the arrays are not to be touched meanwhile. Resolves to the number of directories
   * that were read, from the first on.
   */
  async read(numbers: Int32Array, into: Uint8Array, lengths: Int32Array): Promise<number> {
    this.#check(numbers, into, lengths);
    return this.#native.read(numbers, into, lengths);
  }

  /** The same at once. */
  readNow(numbers: Int32Array, into: Uint8Array, lengths: Int32Array): number {
    this.#check(numbers, into, lengths);
    return this.#native.readNow(numbers, into, lengths);
  }

  #check(numbers: Int32Array, into: Uint8Array, lengths: Int32Array): void {
    if (lengths.length >= numbers.length * this.files && into.length >= this.most) return;
    throw new PerfNativeError(
      "invalid",
      `ProcReader: ${lengths.length} lengths, ${into.length} bytes – ${numbers.length * this.files} and ${this.most} are needed`,
    );
  }
}

/**
 * Reads the beginning of a file that comes in one piece, such as one of proc(5), and throws nothing: returns its length in
 * `into`, or a negative errno.
 */
export function readFile(path: string, into: Uint8Array): number {
  return binding().readFile(path, into);
}
