import { closeSync, openSync, readSync } from "node:fs";
import { parseCpuList } from "./cpu-list.js";

/**
 * The list of CPUs that are online, kept open so that a look at it costs one system call: the kernel makes the text anew
 * whenever it is read from its beginning.
 */
export class OnlineCpus {
  readonly #file: number;
  #text: Buffer = Buffer.alloc(0);
  readonly #buffer = Buffer.alloc(4096);
  /** As of the last look. */
  list: readonly number[] = [];

  /** @param path Default `/sys/devices/system/cpu/online` */
  constructor(path = "/sys/devices/system/cpu/online") {
    this.#file = openSync(path, "r");
  }

  /** Reads the list; returns whether it is another one than at the last look. */
  look(): boolean {
    const size = readSync(this.#file, this.#buffer, 0, this.#buffer.length, 0);
    const text = this.#buffer.subarray(0, size);
    if (text.equals(this.#text)) return false;
    this.#text = Buffer.from(text);
    this.list = parseCpuList(text.toString("latin1"));
    return true;
  }

  close(): void {
    closeSync(this.#file);
  }
}
