import { setImmediate as nextTurn } from "node:timers/promises";
import type { Procfs } from "./procfs.js";
import type { TaskFinder } from "./task-finder.js";

export interface ProcScanOptions {
  /** Milliseconds of work at a time, after which the event loop gets its turn. */
  slice: number;
  signal: AbortSignal;
}

/**
 * Takes in all processes that /proc shows. It works in slices, so that records go on being handled meanwhile; a pid that
 * they told of before is left as it is. Returns how many processes were looked at.
 */
export async function scanProcesses(procfs: Procfs, finder: TaskFinder, options: ProcScanOptions): Promise<number> {
  let sliceEnd = performance.now() + options.slice;
  let seen = 0;
  for (const pid of procfs.pids()) {
    if (performance.now() >= sliceEnd) {
      await nextTurn();
      sliceEnd = performance.now() + options.slice;
    }
    if (options.signal.aborted) break;
    const known = finder.table.get(pid);
    // One that has ended may have a successor that no record has told of yet.
    if (known === undefined || known.retired) takeIn(finder, pid);
    seen++;
  }
  return seen;
}

function takeIn(finder: TaskFinder, pid: number): void {
  const snapshot = finder.system.snapshot(pid);
  if (snapshot !== undefined) finder.insertSnapshot(snapshot);
}
