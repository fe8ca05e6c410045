import type { Origin } from "./task.js";

/** Where a process works, as several tasks can share it. */
export interface WorkingDirectory {
  readonly path: string;
  readonly origin: Origin;
}

/** Hands out one object for equal directories: most tasks of a host work in few. */
export class WorkingDirectoryPool {
  readonly #complete = new Map<string, WorkingDirectory>();
  readonly #incomplete = new Map<string, WorkingDirectory>();
  readonly #limit: number;

  /** `limit`: how many distinct ones are kept; when there are more, all are forgotten and collected anew. */
  constructor(limit = 4096) {
    this.#limit = limit;
  }

  /** `path`: as /proc showed it; `complete`: at a moment when it had just changed, and changes are being followed. */
  intern(path: string, complete: boolean): WorkingDirectory {
    const pool = complete ? this.#complete : this.#incomplete;
    const known = pool.get(path);
    if (known !== undefined) return known;
    if (pool.size >= this.#limit) pool.clear();
    const made = Object.freeze({ path, origin: Object.freeze({ source: "procfs", complete } as const) });
    pool.set(path, made);
    return made;
  }
}
