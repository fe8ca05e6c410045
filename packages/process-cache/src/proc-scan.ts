import { setImmediate as nextTurn } from "node:timers/promises";
import type { ProcessSnapshot, TaskSnapshot } from "./proc-snapshot.js";
import type { TaskFinder } from "./task-finder.js";

export interface ProcScanOptions {
  /** Milliseconds of work at a time, after which the event loop gets its turn. */
  slice: number;
  signal: AbortSignal;
}

/** Processes that are read in one go, and how often that is asked for before it is needed. */
const BATCH = 64;
const AHEAD = 3;

/**
 * Takes in all processes that /proc shows. They are read on other threads, while records go on being handled: a pid that
 * these told of before is left as it is. Returns how many processes there were.
 */
export async function scanProcesses(finder: TaskFinder, { slice, signal }: ProcScanOptions): Promise<number> {
  const { system } = finder;
  // What ends after it was read must not come to life again.
  const ended = new Set<number>();
  const stop = finder.onEnd((pid) => ended.add(pid));
  try {
    const pids = await system.pids();
    const batches: Promise<readonly ProcessSnapshot[]>[] = [];
    let [asked, seen] = [0, 0];
    while (!signal.aborted) {
      for (; batches.length < AHEAD && asked < pids.length; asked += BATCH) {
        batches.push(system.snapshotsOf(pids.slice(asked, asked + BATCH)));
      }
      const batch = await batches.shift();
      if (batch === undefined) break;
      let sliceEnd = performance.now() + slice;
      for (const snapshot of batch) {
        const threads = snapshot.threadCount > 1 ? await system.threadsLater(snapshot.pid) : [];
        takeIn(finder, snapshot, threads, ended);
        seen++;
        if (performance.now() < sliceEnd) continue;
        await nextTurn();
        if (signal.aborted) break;
        sliceEnd = performance.now() + slice;
      }
    }
    await Promise.all(batches);
    return seen;
  } finally {
    stop();
  }
}

function takeIn(
  finder: TaskFinder,
  snapshot: ProcessSnapshot,
  threads: readonly TaskSnapshot[],
  ended: ReadonlySet<number>,
): void {
  const { pid } = snapshot;
  const known = finder.table.get(pid);
  if (known !== undefined && !known.retired) return;
  if (known === undefined && !ended.has(pid)) {
    finder.insertSnapshot(
      snapshot,
      threads.filter((thread) => !ended.has(thread.pid)),
    );
    return;
  }
  // It has ended, and may have a successor that no record has told of yet.
  const fresh = finder.system.snapshot(pid);
  if (fresh !== undefined) finder.insertSnapshot(fresh);
}
