import type { Task } from "@kernscope/process-cache";
import type { LineageEntry } from "./event.js";

/** Forebears that an event names at most: a chain longer than this is made by someone who wants it long. */
const MAX_LINEAGE = 64;

/**
 * The process of a task and its forebears, itself first. Most events are of a process that had one before, with the same
 * forebears: then it is the same object.
 */
export function lineageOf(task: Task): readonly LineageEntry[] {
  const process = task.leader;
  const known = remembered(process);
  if (known !== undefined && isCurrentLineage(known, process)) return known;
  const entries: LineageEntry[] = [];
  for (let next: Task | undefined = process; next !== undefined && entries.length < MAX_LINEAGE; ) {
    const own: LineageEntry | undefined = remembered(next)?.[0];
    if (own !== undefined && describes(own, next)) {
      entries.push(own);
    } else {
      const entry = entryOf(next);
      entries.push(entry);
      // All its descendants name it; it need not have made an event itself. What else it had remembered is out of date.
      next.attachment = [entry];
    }
    next = next.parent?.leader;
  }
  // A copy has no room for more.
  const lineage = entries.slice();
  process.attachment = lineage;
  return lineage;
}

/** It lies with the process: a WeakMap of all that come and go costs more than what it saves. */
function remembered(process: Task): readonly LineageEntry[] | undefined {
  return process.attachment as readonly LineageEntry[] | undefined;
}

function entryOf({ pid, command, processId, filename }: Task): LineageEntry {
  return { pid, command, processId, executable: filename };
}

/** Whether a lineage is what {@link lineageOf} would return for the process. */
export function isCurrentLineage(entries: readonly LineageEntry[], process: Task): boolean {
  let next: Task | undefined = process;
  for (let at = 0; at < entries.length; at++) {
    if (next === undefined || !describes(entries[at]!, next)) return false;
    next = next.parent?.leader;
  }
  return next === undefined || entries.length === MAX_LINEAGE;
}

/** An id, once known, stays. */
function describes(entry: LineageEntry, task: Task): boolean {
  return (
    entry.pid === task.pid &&
    entry.command === task.command &&
    entry.executable === task.filename &&
    (entry.processId !== "" || task.processId === "")
  );
}
