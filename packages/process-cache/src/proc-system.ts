import type { Cred } from "./credentials.js";
import { type ProcessSnapshot, SnapshotReader, type TaskSnapshot } from "./proc-snapshot.js";
import { parseCgroups, parseStartTick, parseStatus, perfCgroupPath } from "./proc-text.js";
import type { Procfs } from "./procfs.js";
import type { TaskEntry } from "./task-entry.js";
import { readDirectory, readExecutable, type TaskExecutable } from "./task-executable.js";
import type { TaskSystem } from "./task-system.js";

/** The running system, as far as /proc knows it. */
export class ProcSystem implements TaskSystem {
  readonly #procfs: Procfs;
  readonly #reader: SnapshotReader;
  /** How often /proc was asked for a task's whole state, and how often it knew of none. */
  readonly stats = { reads: 0, misses: 0 };

  /** `limit`: bytes of arguments at most. */
  constructor(procfs: Procfs, limit: number) {
    this.#procfs = procfs;
    this.#reader = new SnapshotReader(procfs.root, limit);
  }

  snapshot(pid: number): ProcessSnapshot | undefined {
    this.stats.reads++;
    const snapshot = this.#reader.read(pid);
    if (snapshot === undefined) this.stats.misses++;
    return snapshot;
  }

  threads(tgid: number): readonly TaskSnapshot[] {
    return this.#reader.readThreads(tgid, this.#procfs.threads(tgid));
  }

  pids(): Promise<readonly number[]> {
    return this.#procfs.pids();
  }

  async snapshotsOf(pids: readonly number[]): Promise<readonly ProcessSnapshot[]> {
    const found = await this.#reader.readAll(pids);
    this.stats.reads += pids.length;
    this.stats.misses += pids.length - found.length;
    return found;
  }

  threadsLater(tgid: number): Promise<readonly TaskSnapshot[]> {
    return this.#reader.readThreadsLater(tgid, this.#procfs.threads(tgid));
  }

  startTick(pid: number): number | undefined {
    const bytes = this.#procfs.read(`${this.#procfs.root}/${pid}/stat`);
    return bytes && parseStartTick(bytes);
  }

  creds(pid: number): Cred | undefined {
    const bytes = this.#procfs.read(`${this.#procfs.root}/${pid}/status`);
    return bytes && parseStatus(bytes)?.creds;
  }

  cwd(pid: number): string | undefined {
    return this.#procfs.link(`${pid}/cwd`);
  }

  directoryOf(leader: TaskEntry): string | undefined {
    return readDirectory(this.#procfs, leader);
  }

  cgroupPath(pid: number): string | undefined {
    const bytes = this.#procfs.read(`${this.#procfs.root}/${pid}/cgroup`);
    return bytes && perfCgroupPath(parseCgroups(bytes));
  }

  executable(leader: TaskEntry): TaskExecutable {
    return readExecutable(this.#procfs, leader);
  }

  exitCode(pid: number, tick: number): number | undefined {
    const stat = this.#procfs.stat(pid);
    if (stat === undefined || stat.startTick !== tick) return undefined;
    // One that is on its way has its status already, but a 0 could as well be none.
    const isOver = stat.state === "Z" || stat.state === "X";
    return isOver || stat.exitCode !== 0 ? stat.exitCode : undefined;
  }
}
