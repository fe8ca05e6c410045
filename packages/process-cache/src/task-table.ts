import { PidMap } from "./pid-map.js";
import type { TaskEntry } from "./task-entry.js";

export interface TaskTableOptions {
  /** Ended tasks that are kept, at most. */
  maxExited: number;
  /** Nanoseconds for which an ended task is kept so that late records find it, unless there are too many. */
  grace: number;
}

/** Counts since the table was made, and sizes now. */
export interface TaskTableStats {
  /** Tasks that live. */
  living: number;
  /** Tasks that have ended and are kept. */
  exited: number;
  /** Ended tasks that were given up to keep the bound. */
  evicted: number;
  /** Of these, those that were given up before their grace was over. */
  evictedEarly: number;
}

/**
 * All tasks by their pid. Those that have ended stay until there are too many of them; then the oldest goes that nobody
 * has asked for since it was last its turn. A pid's earlier owners can be found behind its present one.
 */
export class TaskTable {
  readonly #byPid = new PidMap<TaskEntry>();
  readonly #options: TaskTableOptions;
  /** Ends of the list of ended tasks. */
  #newest: TaskEntry | undefined;
  #oldest: TaskEntry | undefined;
  #living = 0;
  #exited = 0;
  #evicted = 0;
  #evictedEarly = 0;

  constructor(options: TaskTableOptions) {
    this.#options = options;
  }

  /** The present owner of a pid, or its last one. */
  get(pid: number): TaskEntry | undefined {
    const entry = this.#byPid.get(pid);
    if (entry?.retired) entry.wanted = true;
    return entry;
  }

  /** Who had a pid at a time (ns, as in `Task`), as far as it is still known. */
  getAt(pid: number, time: number): TaskEntry | undefined {
    let entry = this.#byPid.get(pid);
    while (entry?.startTime !== undefined && entry.startTime > time && entry.previousOwner !== undefined) {
      entry = entry.previousOwner;
    }
    return entry;
  }

  /** Makes `entry` the owner of its pid. */
  insert(entry: TaskEntry): void {
    const previous = this.#byPid.get(entry.pid);
    if (previous !== undefined) {
      entry.previousOwner = previous;
      previous.nextOwner = entry;
    }
    this.#byPid.set(entry.pid, entry);
    entry.listed = true;
    this.#living++;
  }

  /** Puts a task among the ended ones; `now` in ns, as in `Task`. */
  retire(entry: TaskEntry, now: number): void {
    if (entry.retired) return;
    entry.retired = true;
    if (!entry.listed) return;
    this.#living--;
    this.#exited++;
    this.#link(entry);
    while (this.#exited > this.#options.maxExited && this.#oldest !== undefined) this.#takeTurn(this.#oldest, now);
  }

  /** All present and last owners of a pid. */
  values(): IterableIterator<TaskEntry> {
    return this.#byPid.values();
  }

  stats(): TaskTableStats {
    return {
      living: this.#living,
      exited: this.#exited,
      evicted: this.#evicted,
      evictedEarly: this.#evictedEarly,
    };
  }

  /** It is the turn of the oldest: it goes, or gets another round. */
  #takeTurn(entry: TaskEntry, now: number): void {
    if (!entry.wanted) {
      this.#evict(entry, now);
      return;
    }
    entry.wanted = false;
    this.#unlink(entry);
    this.#link(entry);
  }

  #evict(entry: TaskEntry, now: number): void {
    this.#unlink(entry);
    this.#exited--;
    this.#evicted++;
    if (entry.exitTime !== undefined && now - entry.exitTime < this.#options.grace) this.#evictedEarly++;
    if (entry.nextOwner !== undefined) entry.nextOwner.previousOwner = entry.previousOwner;
    else if (entry.previousOwner !== undefined) this.#byPid.set(entry.pid, entry.previousOwner);
    else this.#byPid.delete(entry.pid);
    entry.listed = false;
    if (entry.previousOwner !== undefined) entry.previousOwner.nextOwner = entry.nextOwner;
    entry.previousOwner = undefined;
    entry.nextOwner = undefined;
    // Its child may hold it for as long as that lives; without this a chain of dead ancestors would hang on it.
    entry.creator = undefined;
  }

  #link(entry: TaskEntry): void {
    entry.older = this.#newest;
    entry.newer = undefined;
    if (this.#newest !== undefined) this.#newest.newer = entry;
    else this.#oldest = entry;
    this.#newest = entry;
  }

  #unlink(entry: TaskEntry): void {
    if (entry.newer !== undefined) entry.newer.older = entry.older;
    else this.#newest = entry.older;
    if (entry.older !== undefined) entry.older.newer = entry.newer;
    else this.#oldest = entry.newer;
    entry.newer = undefined;
    entry.older = undefined;
  }
}
