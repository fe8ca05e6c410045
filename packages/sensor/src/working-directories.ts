import { readlinkSync } from "node:fs";
import type { TraceFields } from "@kernscope/perf";
import type { ProcessForkEvent, ProcessInfoCache, Task } from "@kernscope/process-cache";
import { dentryArguments, dentryPath } from "./dentry-path.js";
import type { FamilyContext } from "./events/family.js";
import type { KernelTypes } from "./kernel-types.js";
import type { Registrations } from "./registrations.js";
import type { TaskMounts } from "./task-mounts.js";
import { ThreadMap } from "./thread-map.js";

/** A directory that one or more tasks work in: those who share it change it together. */
interface Directory {
  /** `undefined`: not known. */
  path: string | undefined;
  /** It has not changed since it was this task's, or was copied from that directory: its path can still be looked up. */
  from: Task | Directory | undefined;
}

/** Called for each change, with the `struct fs_struct` that changes and the new path. */
const FUNCTION = "set_fs_pwd";
/** CLONE_FS of clone(2). */
const CLONE_FS = 0x200;

/**
 * Working directories as they were at each moment of the stream, by the kernel's own path at each change: what /proc says
 * when a change is heard of can be the next one already. Those that were not changed since are the process cache's.
 */
export class WorkingDirectories {
  readonly #cache: ProcessInfoCache;
  readonly #mounts: TaskMounts;
  readonly #byTask = new WeakMap<Task, Directory>();
  /** By the low bits of the struct's address. */
  readonly #byStruct = new ThreadMap<Directory>();

  constructor(cache: ProcessInfoCache, mounts: TaskMounts) {
    this.#cache = cache;
    this.#mounts = mounts;
  }

  /** Follows changes; returns what ends it. What is registered is given back with `registrations`. */
  async follow({ monitor }: FamilyContext, registrations: Registrations, types: KernelTypes): Promise<() => void> {
    const args = {
      fs: "$arg1:u64",
      ...dentryArguments(types, "p", `+${types.offset("path", "dentry")}($arg2)`),
    };
    await registrations.kprobe<TraceFields>(
      FUNCTION,
      (record, data) => this.#changed(this.#cache.lookupTask(record.tid), record.elapsed, data),
      { args },
    );
    return monitor.addHandler(
      this.#cache.forkEventId,
      (_: unknown, { task, childTask, cloneFlags }: ProcessForkEvent) => {
        // A thread's is that of its process.
        if (!childTask.isLeader) return;
        const own = this.#directoryOf(task);
        this.#byTask.set(childTask, (cloneFlags & CLONE_FS) !== 0 ? own : copyOf(own));
      },
    );
  }

  /** `undefined`: not known. */
  of(task: Task): string | undefined {
    return lookUp(this.#directoryOf(task));
  }

  #directoryOf(task: Task): Directory {
    const known = this.#byTask.get(task) ?? this.#byTask.get(task.leader);
    if (known !== undefined) return known;
    const directory = { path: undefined, from: task.leader };
    this.#byTask.set(task.leader, directory);
    return directory;
  }

  #changed(task: Task, elapsed: number, data: TraceFields): void {
    const { path, partial } = dentryPath(data, "p", task, elapsed, this.#mounts);
    const key = Number(BigInt.asUintN(48, BigInt(data.fs as number | bigint)));
    const before = this.#directoryOf(task);
    let directory = this.#byStruct.get(key);
    if (directory === undefined) {
      directory = { path: undefined, from: undefined };
      this.#byStruct.set(key, directory);
    }
    // What it was cannot be looked up any more, by those either who had it from this task.
    if (before !== directory) before.from = undefined;
    directory.path = partial ? directoryEndingWith(task, path) : path.startsWith("/") ? path : undefined;
    // A thread has its process's, unless it is seen to change another one.
    if (task.isLeader || this.#byTask.get(task.leader) === before) this.#byTask.set(task.leader, directory);
    this.#byTask.set(task, directory);
  }
}

/** Of a child: the parent's, as it is now. */
function copyOf(directory: Directory): Directory {
  return { path: directory.path, from: directory.from === undefined ? undefined : directory };
}

function lookUp(directory: Directory): string | undefined {
  if (directory.path !== undefined || directory.from === undefined) return directory.path;
  const { from } = directory;
  directory.path = "pid" in from ? from.cwd : lookUp(from);
  directory.from = undefined;
  return directory.path;
}

/** The working directory that a task has now, where it ends like the one that it had. */
function directoryEndingWith(task: Task, end: string): string | undefined {
  try {
    const path = readlinkSync(`/proc/${task.pid}/cwd`);
    return path.endsWith(`/${end}`) ? path : undefined;
  } catch {
    return undefined;
  }
}
