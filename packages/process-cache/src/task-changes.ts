import type { Cred } from "./credentials.js";
import type { ProcessUpdateEvent } from "./process-events.js";
import type { OriginSource } from "./task.js";
import type { TaskEntry } from "./task-entry.js";
import type { TaskFinder } from "./task-finder.js";
import type { RecordContext } from "./task-system.js";

/** The kernel cuts the paths in its cgroup events to as many bytes (TRACE_CGROUP_PATH_LEN of kernel/cgroup). */
const CGROUP_PATH_LIMIT = 1023;

/**
 * Applies what kernel events say of a task between its fork, exec and exit: new credentials, another working directory,
 * another cgroup. Each method gives the event that others see of it, if anything changed.
 */
export class TaskChanges {
  readonly #finder: TaskFinder;
  /** How often a task that had changed was gone when /proc was asked what it had changed to. */
  missed = 0;

  constructor(finder: TaskFinder) {
    this.#finder = finder;
  }

  /** The task that wrote the record gets credentials, which the record tells. */
  credsTold(context: RecordContext, cred: Cred): ProcessUpdateEvent | undefined {
    return this.#setCreds(this.#finder.taskOf(context), cred, "kprobe");
  }

  /** The task that wrote the record may have got other credentials. */
  credsChanged(context: RecordContext): ProcessUpdateEvent | undefined {
    const task = this.#finder.taskOf(context);
    return this.refreshCreds(task) ?? undefined;
  }

  /** Asks /proc for a task's credentials; `undefined` if they are as they were, or not to be had. */
  refreshCreds(task: TaskEntry): ProcessUpdateEvent | undefined {
    const told = this.#finder.system.creds(task.pid);
    if (told !== undefined) return this.#setCreds(task, told, "procfs");
    this.missed++;
    task.setOrigin("creds", task.origin("creds").source, false);
    return undefined;
  }

  /** The task that wrote the record may work elsewhere now. */
  directoryChanged(context: RecordContext): ProcessUpdateEvent | undefined {
    return this.refreshDirectory(this.#finder.taskOf(context));
  }

  /**
   * Asks /proc where a task works. Threads share that with their process, unless one gave it up (unshare(2)): then it
   * shows another directory than the leader.
   */
  refreshDirectory(task: TaskEntry): ProcessUpdateEvent | undefined {
    const { system, directories } = this.#finder;
    const { leader } = task;
    // What was known, without asking for it: that would be the new one by now.
    const before = (task.directory ?? leader.directory)?.path;
    const path = system.cwd(task.pid);
    if (path === undefined) {
      this.missed++;
      // It is known not to be there any more.
      leader.directory = undefined;
      task.directory = undefined;
      return undefined;
    }
    const directory = directories.intern(path, true);
    const leaderPath = task.isLeader ? path : system.cwd(leader.pid);
    if (leaderPath === path || leaderPath === undefined) {
      leader.directory = directory;
      if (!task.isLeader) task.directory = undefined;
    } else {
      leader.directory = directories.intern(leaderPath, true);
      task.directory = directory;
    }
    return path === before ? undefined : { task, field: "cwd", cwd: path };
  }

  /** `pid`, and its threads if it is a process, were moved to another cgroup. */
  cgroupMoved(pid: number, id: number, path: string): ProcessUpdateEvent | undefined {
    const { cgroups } = this.#finder;
    const task = this.#finder.lookup(pid);
    const before = task.cgroup?.id;
    const isWhole = Buffer.byteLength(path) < CGROUP_PATH_LIMIT;
    const cgroup = isWhole ? cgroups.made(id, path) : cgroups.get(id);
    const moved = task.isLeader ? [task, ...(task.threads ?? [])] : [task];
    for (const each of moved) {
      each.cgroup = cgroup;
      // Whether the whole process was meant is not told: a thread's own records tell of it.
      each.setOrigin("cgroup", "tracepoint", each === task);
    }
    return before === id ? undefined : { task, field: "cgroup" };
  }

  /** A cgroup was made, or has another name. */
  cgroupNamed(id: number, path: string): void {
    if (Buffer.byteLength(path) < CGROUP_PATH_LIMIT) this.#finder.cgroups.made(id, path);
  }

  #setCreds(task: TaskEntry, told: Cred, source: OriginSource): ProcessUpdateEvent | undefined {
    const before = task.creds;
    task.creds = this.#finder.creds.intern(told);
    task.setOrigin("creds", source, true);
    return task.creds === before ? undefined : { task, field: "creds" };
  }
}
