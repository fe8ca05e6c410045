import { readdirSync } from "node:fs";
import { CloneFlag, type Task } from "@kernscope/process-cache";
import { type MountView, MountViews, SETTLE } from "./mount-views.js";

/** What a task sees, and since when it is known to. */
interface Sight {
  readonly view: MountView;
  readonly since: number;
}

/** A name, and whether it is the file's path in the mount namespace of the task. */
export interface Place {
  readonly path: string;
  readonly resolved: boolean;
}

/** Generations that are looked through for one who lives. */
const MAX_ANCESTORS = 16;
/** Lone surrogates stand for bytes that are no UTF-8, and U+FFFD for those of mount points: several names read the same. */
const ambiguous = /[\udc80-\udcff\ufffd]/u;

/**
 * Tells paths within file systems as tasks see them. It is told of every change in the order of the stream, so what was
 * read before an event and not changed since is what the task saw at that moment. What was read later holds for events
 * from then on, and for earlier ones where it is what was read before them.
 */
export class TaskMounts {
  readonly #views: MountViews;
  /** What tasks are known to see. */
  #sights = new WeakMap<Task, Sight>();
  /** When processes changed their root directory, which their threads may share. */
  readonly #rooted = new WeakMap<Task, number>();

  /** @param now the time on the scale of `record.elapsed` */
  constructor(now: () => number, procRoot = "/proc") {
    this.#views = new MountViews(now, procRoot);
  }

  /** All changes are told from now on: reads what the processes see that live. Before that no path is resolved. */
  follow(lookup: (pid: number) => Task): void {
    const views = this.#views;
    views.followed = true;
    const pids = readdirSync(views.procRoot).filter((name) => /^\d+$/.test(name));
    for (const pid of pids) this.#read(lookup(Number(pid)), views.now());
  }

  /** Something was mounted or unmounted; not `done`: it is about to be. */
  changed(elapsed: number, done: boolean): void {
    this.#views.changed(elapsed, done);
  }

  /** A directory is about to get another name, or another place. */
  renamed(name: string, elapsed: number): void {
    this.#views.renamed(name, elapsed);
  }

  /** Any change may have been missed up to now. */
  missed(): void {
    this.#views.changed(this.#views.now(), true);
    this.#sights = new WeakMap();
  }

  /** A task enters another namespace, which may be a new one with the number of one that is gone. */
  moved(task: Task, elapsed: number): void {
    this.#views.changed(elapsed, true);
    this.#leave(task, elapsed + SETTLE);
  }

  /** A task gets another root directory. */
  rooted(task: Task, elapsed: number): void {
    this.#leave(task, elapsed + SETTLE);
    this.#rooted.set(task.leader, elapsed + SETTLE);
  }

  forked(parent: Task, child: Task, cloneFlags: number, elapsed: number): void {
    if ((cloneFlags & CloneFlag.NEWNS) !== 0) {
      this.#views.changed(elapsed, true);
      return;
    }
    const sight = this.#sightOf(parent) ?? this.#read(parent, this.#views.now());
    if (sight !== undefined && sight.since <= elapsed) this.#sights.set(child, { view: sight.view, since: elapsed });
  }

  /**
   * A path within a file system, as a task saw it. Where the table may not be the task's own of that moment it is the most
   * likely one's, not resolved; where no path leads there it is the path within the file system, without its first `/`.
   *
   * @param device the kernel's `dev_t`
   */
  locate(task: Task, elapsed: number, device: number, path: string): Place {
    const { view, since } = this.#current(task);
    const place = view.table.locate(device, path);
    if (place === undefined) return { path: path.slice(1), resolved: false };
    const { followed } = this.#views;
    const holds = followed && elapsed >= since && elapsed >= view.from && this.#views.isCurrent(view);
    return { path: place, resolved: holds && !ambiguous.test(place) };
  }

  /** Whether an absolute path may lead a task to a file of which the end of its path within its file system is known. */
  mayReach(task: Task, device: number, end: string): boolean {
    return this.#views.mayReach(this.#current(task).view, device, end);
  }

  #current(task: Task): Sight {
    const sight = this.#sightOf(task);
    return sight !== undefined && this.#views.isCurrent(sight.view) ? sight : this.#renewed(task, sight);
  }

  #sightOf(task: Task): Sight | undefined {
    const sight = this.#sights.get(task);
    if (sight === undefined) return undefined;
    return sight.since <= (this.#rooted.get(task.leader) ?? Number.NEGATIVE_INFINITY) ? undefined : sight;
  }

  #leave(task: Task, until: number): void {
    const sight = this.#sights.get(task);
    if (sight !== undefined && sight.since <= until) this.#sights.delete(task);
  }

  #renewed(task: Task, sight: Sight | undefined): Sight {
    const views = this.#views;
    const now = views.now();
    const own = this.#read(task, now);
    if (own !== undefined) return own;
    if (sight === undefined) return this.#likely(task, now);
    // It is gone; someone else who sees the same may live.
    const { view } = sight;
    if (views.of(view.pid, now) === view) return sight;
    for (const each of ancestors(task)) {
      if (this.#sights.get(each)?.view === view && views.of(each.pid, now) === view) break;
    }
    return sight;
  }

  /** What a task that is gone saw most likely: what its parent sees. */
  #likely(task: Task, now: number): Sight {
    const since = Number.POSITIVE_INFINITY;
    for (const each of ancestors(task)) {
      const sight = this.#read(each, now) ?? this.#sightOf(each);
      if (sight !== undefined) return { view: sight.view, since };
    }
    return { view: this.#views.of("self", now) ?? this.#views.none(now), since };
  }

  /** What a task sees now; `undefined` where it is gone. */
  #read(task: Task, now: number): Sight | undefined {
    const view = task.exitTime === undefined ? this.#views.of(task.pid, now) : undefined;
    if (view === undefined) return undefined;
    const before = this.#sightOf(task);
    if (before?.view === view) return before;
    const sight = { view, since: now };
    this.#sights.set(task, sight);
    return sight;
  }
}

/** The process of a thread, and those above it. */
function* ancestors(task: Task): Generator<Task> {
  let next = task.isLeader ? task.parent : task.leader;
  for (let left = MAX_ANCESTORS; next !== undefined && left > 0; left--) {
    yield next.leader;
    next = next.leader.parent;
  }
}
