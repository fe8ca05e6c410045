import { setImmediate as nextTurn } from "node:timers/promises";
import type { ProcScanOptions } from "./proc-scan.js";
import type { Procfs } from "./procfs.js";
import type { TaskFinder } from "./task-finder.js";

/** Younger tasks are left alone, in ns: the stream may lag behind /proc by that much. */
const YOUNG = 2e9;

/**
 * Ends the tasks whose end was not seen: those that lived for a while and are not in /proc. It makes no events of it, since
 * nothing is known but that they are gone. Works in slices; returns how many it ended.
 */
export async function endMissing(procfs: Procfs, finder: TaskFinder, options: ProcScanOptions): Promise<number> {
  const now = finder.clock.now();
  const present = new Set(procfs.pids());
  // An empty list is no host without processes but a /proc that cannot be read.
  if (present.size === 0) return 0;
  let sliceEnd = performance.now() + options.slice;
  let count = 0;
  for (const entry of finder.table.values()) {
    if (performance.now() >= sliceEnd) {
      await nextTurn();
      sliceEnd = performance.now() + options.slice;
    }
    if (options.signal.aborted) break;
    if (!entry.isLeader || entry.retired || entry.pid === 0 || present.has(entry.pid)) continue;
    if ((entry.startTime ?? 0) > now - YOUNG) continue;
    finder.endUnseen(entry, now);
    count++;
  }
  return count;
}
