import { readFileSync, readlinkSync, statSync } from "node:fs";
import { type Mount, MountTable } from "./mount-table.js";

/** What the processes of one mount namespace and root directory see of file systems, as it was read last. */
export interface MountView {
  readonly key: string;
  /** Of whom it was read. */
  pid: number | "self";
  text: string;
  table: MountTable;
  /** Whether mounts are of directories, as far as it was asked for. */
  readonly directories: WeakMap<Mount, boolean>;
  /** It has been like this since then at the latest. Times are those of `record.elapsed`. */
  from: number;
  readAt: number;
}

/** Nanoseconds after a change was seen to begin within which /proc may not say so yet. */
export const SETTLE = 5_000_000;
/** Nanoseconds between two readings of the same view at least. */
const PAUSE = 1_000_000;
/** Nanoseconds that a view serves where nobody tells of changes. */
const UNFOLLOWED_AGE = 100_000_000;
/** Views that are kept: beyond, the oldest are forgotten. */
const MAX_VIEWS = 1024;

/** The views that there are, read from /proc and read again where something was mounted since. */
export class MountViews {
  /** Someone tells of all changes. */
  followed = false;
  readonly procRoot: string;
  readonly now: () => number;
  readonly #views = new Map<string, MountView>();
  /** When something was mounted or unmounted last, wherever. */
  #changedAt = Number.NEGATIVE_INFINITY;

  constructor(now: () => number, procRoot: string) {
    this.now = now;
    this.procRoot = procRoot;
  }

  /** Something was mounted or unmounted; not `done`: it is about to be. */
  changed(elapsed: number, done: boolean): void {
    this.#changedAt = Math.max(this.#changedAt, done ? elapsed : elapsed + SETTLE);
  }

  /** A directory is about to get another name, or another place: mount points may lie below it. */
  renamed(name: string, elapsed: number): void {
    const isOnTheWay = ({ table }: MountView) => name === "(fault)" || table.names.has(name);
    if ([...this.#views.values()].some(isOnTheWay)) this.changed(elapsed, false);
  }

  /** Nothing has changed since it was read, up to the record that is being handed out. */
  isCurrent({ readAt }: MountView): boolean {
    return this.followed ? readAt > this.#changedAt : this.now() - readAt < UNFOLLOWED_AGE;
  }

  /** The view that a process has now, read again where it is not current; `undefined` where the process is gone. */
  of(pid: number | "self", now: number): MountView | undefined {
    try {
      const key = this.#key(pid);
      const known = this.#views.get(key);
      if (known !== undefined && (this.isCurrent(known) || now - known.readAt < PAUSE)) return known;
      const text = readFileSync(`${this.procRoot}/${pid}/mountinfo`, "utf8");
      // It may have moved in between.
      if (text === "" || this.#key(pid) !== key) return undefined;
      return known === undefined ? this.#add(newView(key, pid, text, now)) : renew(known, pid, text, now);
    } catch {
      return undefined;
    }
  }

  /** A view of nothing. */
  none(now: number): MountView {
    return newView("", "self", "", now);
  }

  /** Whether an absolute path may lead to a file of which the end of its path within its file system is known. */
  mayReach(view: MountView, device: number, end: string): boolean {
    return view.table
      .mountsOf(device)
      .some((mount) => mount.root.endsWith(`/${end}`) || this.#isDirectory(view, mount));
  }

  /** Files too are mounted, into containers. */
  #isDirectory({ pid, directories }: MountView, mount: Mount): boolean {
    let known = directories.get(mount);
    if (known === undefined) {
      try {
        known = statSync(`${this.procRoot}/${pid}/root${mount.point}`).isDirectory();
      } catch {
        return true;
      }
      directories.set(mount, known);
    }
    return known;
  }

  /** By namespace and root directory. */
  #key(pid: number | "self"): string {
    const folder = `${this.procRoot}/${pid}`;
    // What is mounted over a root directory has the same path.
    const { dev, ino } = statSync(`${folder}/root`);
    return `${readlinkSync(`${folder}/ns/mnt`)} ${readlinkSync(`${folder}/root`)} ${dev} ${ino}`;
  }

  #add(view: MountView): MountView {
    this.#views.set(view.key, view);
    if (this.#views.size > MAX_VIEWS) this.#views.delete(this.#views.keys().next().value!);
    return view;
  }
}

function newView(key: string, pid: MountView["pid"], text: string, now: number): MountView {
  return { key, pid, text, table: new MountTable(text), directories: new WeakMap(), from: now, readAt: now };
}

/** What reads as before has been so all the time. */
function renew(view: MountView, pid: MountView["pid"], text: string, now: number): MountView {
  view.readAt = now;
  view.pid = pid;
  if (view.text === text) return view;
  view.text = text;
  view.table = new MountTable(text);
  view.from = now;
  return view;
}
