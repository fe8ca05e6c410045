import { setImmediate as nextTurn } from "node:timers/promises";
import type { ProcScanOptions } from "./proc-scan.js";
import type { Procfs } from "./procfs.js";
import type { TaskEntry } from "./task-entry.js";
import type { TaskFinder } from "./task-finder.js";

/** Younger tasks are left alone, in ns: the stream may lag behind /proc by that much. */
const YOUNG = 2e9;

/** What a sweep did. */
export interface Swept {
  /** Processes and threads that it ended. */
  readonly ended: number;
  /** Processes that are not in /proc, and too young to be judged: there is to be another sweep. */
  readonly young: number;
}

/**
 * Ends the tasks whose end was not seen: those that lived for a while and are not in /proc. It makes no events of it, since
 * nothing is known but that they are gone. Works in slices.
 */
export async function endMissing(procfs: Procfs, finder: TaskFinder, options: ProcScanOptions): Promise<Swept> {
  const now = finder.clock.now();
  const present = new Set(await procfs.pids());
  // An empty list is no host without processes but a /proc that cannot be read.
  if (present.size === 0) return { ended: 0, young: 0 };
  let sliceEnd = performance.now() + options.slice;
  let [ended, young] = [0, 0];
  for (const entry of finder.table.values()) {
    if (performance.now() >= sliceEnd) {
      await nextTurn();
      sliceEnd = performance.now() + options.slice;
    }
    if (options.signal.aborted) break;
    if (!entry.isLeader || entry.retired || entry.pid === 0) continue;
    if (present.has(entry.pid)) {
      if (entry.threads !== undefined && entry.threads.size > 0) ended += endThreads(procfs, finder, entry, now);
      continue;
    }
    if ((entry.startTime ?? 0) > now - YOUNG) {
      young++;
      continue;
    }
    finder.endUnseen(entry, now);
    ended++;
  }
  return { ended, young };
}

function endThreads(procfs: Procfs, finder: TaskFinder, leader: TaskEntry, now: number): number {
  const present = new Set(procfs.with(leader.pid, (directory) => directory.threads()));
  if (present.size === 0) return 0;
  let ended = 0;
  for (const thread of leader.threads ?? []) {
    if (present.has(thread.pid) || (thread.startTime ?? 0) > now - YOUNG) continue;
    finder.end(thread, now);
    ended++;
  }
  return ended;
}
