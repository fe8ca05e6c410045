import { type FSWatcher, watch } from "node:fs";

/** Milliseconds between two looks at a folder that cannot be watched. */
const POLL_TIME = 1000;

/**
 * Calls `look` for a folder at first and after each change in it, one call after the other: changes during a call lead
 * to one more.
 */
export class FolderWatch {
  readonly #path: string;
  readonly #look: () => Promise<void> | void;
  readonly #onName: (name: string) => void;
  #watcher: FSWatcher | undefined;
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> | undefined;
  #again = false;
  #closed = false;

  /** `onName` is called with each name that something happened to, also where it is gone again already. */
  constructor(path: string, look: () => Promise<void> | void, onName: (name: string) => void = () => {}) {
    this.#path = path;
    this.#look = look;
    this.#onName = onName;
  }

  /** Whether changes are told at once. */
  get watched(): boolean {
    return this.#watcher !== undefined;
  }

  /** Resolves after the first look. */
  async start(): Promise<void> {
    this.#open();
    await this.changed();
  }

  /** Has it looked at again, once the caller is done: it may be about to take in what the look would find gone. */
  changed(): Promise<void> {
    if (this.#closed) return Promise.resolve();
    if (this.#looking !== undefined) {
      this.#again = true;
      return this.#looking;
    }
    this.#looking = Promise.resolve()
      .then(() => this.#lookAll())
      .finally(() => {
        this.#looking = undefined;
        // Asked for between the last look and now.
        if (this.#again) void this.changed();
      });
    return this.#looking;
  }

  close(): void {
    this.#closed = true;
    this.#watcher?.close();
    clearInterval(this.#timer);
  }

  #open(): void {
    try {
      this.#watcher = watch(this.#path, { persistent: false }, (_, name) => {
        if (name !== null) this.#onName(name);
        void this.changed();
      });
      this.#watcher.on("error", () => this.#poll());
    } catch {
      this.#poll();
    }
  }

  #poll(): void {
    this.#watcher?.close();
    this.#watcher = undefined;
    if (this.#closed || this.#timer !== undefined) return;
    this.#timer = setInterval(() => void this.changed(), POLL_TIME);
    this.#timer.unref();
  }

  async #lookAll(): Promise<void> {
    do {
      this.#again = false;
      try {
        await this.#look();
      } catch {
        // What is gone or cannot be read now is looked at again with the next change.
      }
    } while (this.#again && !this.#closed);
  }
}
