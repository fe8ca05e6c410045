import { setImmediate as nextTurn } from "node:timers/promises";
import type { ProcScanOptions } from "./proc-scan.js";
import type { TaskChanges } from "./task-changes.js";
import type { TaskFinder } from "./task-finder.js";

/** Brings values of all living tasks up to date when they begin to be followed, and says that they may not be any more. */
export class TaskRefresh {
  readonly #finder: TaskFinder;
  readonly #changes: TaskChanges;
  readonly #options: ProcScanOptions;

  constructor(finder: TaskFinder, changes: TaskChanges, options: ProcScanOptions) {
    this.#finder = finder;
    this.#changes = changes;
    this.#options = options;
  }

  /** Reads a value of all living tasks from /proc, in slices; what changes it meanwhile is seen by whoever follows it. */
  async read(field: "creds" | "cwd"): Promise<void> {
    const { slice, signal } = this.#options;
    let sliceEnd = performance.now() + slice;
    for (const task of this.#finder.table.values()) {
      if (signal.aborted) return;
      if (performance.now() >= sliceEnd) {
        await nextTurn();
        sliceEnd = performance.now() + slice;
      }
      if (task.retired || task.pid === 0) continue;
      if (field === "creds") this.#changes.refreshCreds(task);
      else if (task.isLeader) this.#changes.refreshDirectory(task);
    }
  }

  /** From now on a value can change unseen. */
  outdate(field: "creds" | "cwd"): void {
    const { table, directories } = this.#finder;
    for (const task of table.values()) {
      if (task.retired) continue;
      if (field === "creds") task.setOrigin("creds", task.origin("creds").source, false);
      else if (task.directory !== undefined) task.directory = directories.intern(task.directory.path, false);
    }
  }
}
