import type { Cgroup } from "./cgroup-paths.js";
import type { Cred } from "./credentials.js";

/**
 * Where a value came from:
 * - `tracepoint`: a kernel event, at the moment it describes; a child's value that it had from its parent counts as such
 * - `kprobe`: a kernel probe, likewise
 * - `memory`: the memory of the process, read right after the event
 * - `procfs`: /proc, read at start, when it was first asked for, or right after the event that told of a change
 * - `none`: nobody knows
 */
export type OriginSource = "none" | "tracepoint" | "kprobe" | "memory" | "procfs";

export interface Origin {
  readonly source: OriginSource;
  /** The value is whole, and was right at the moment of the last event seen; else it is cut, a guess or may be outdated. */
  readonly complete: boolean;
}

/** Values of a task whose {@link Origin} can be asked for. */
export type TaskField =
  | "startTime"
  | "parent"
  | "command"
  | "commandLine"
  | "executable"
  | "creds"
  | "cgroup"
  | "cwd"
  | "exit";

/**
 * The file that a process executes. What but its path is not known (`undefined`) where the process was gone before /proc
 * could be asked: then the path is the one that was given to execve(2), which can be a link's, or a script's.
 */
export interface TaskFile {
  /** An absolute path in the mount namespace of the process, without ` (deleted)`. */
  readonly path: string;
  /** Device number (`st_dev` of stat(2)) and inode: what identifies the file whatever it is called. */
  readonly device: number | undefined;
  readonly inode: number | undefined;
  /** No name led to the file any more. */
  readonly deleted: boolean | undefined;
  /** It lives in memory only: memfd_create(2). */
  readonly memfd: boolean | undefined;
}

/** One object for all origins that are alike: most tasks have one of a few. */
export function originOf(source: OriginSource, complete: boolean): Origin {
  return (complete ? whole : doubtful)[source];
}

const originsOf = (complete: boolean): Readonly<Record<OriginSource, Origin>> => {
  const of = (source: OriginSource): Origin => Object.freeze({ source, complete });
  return {
    none: of("none"),
    tracepoint: of("tracepoint"),
    kprobe: of("kprobe"),
    memory: of("memory"),
    procfs: of("procfs"),
  };
};
const whole = originsOf(true);
const doubtful = originsOf(false);

/** The origin of what nobody knows. */
export const noOrigin: Origin = originOf("none", false);

/** What a lookup function found out about a task's container. */
export interface TaskContainer {
  readonly id: string;
  readonly info: unknown;
}

/**
 * A thread or, as the leader of its threads, a process. An object stands for one task for ever: a pid's next owner gets
 * another one. Its values follow the events that were dispatched; what must not change under a reader is to be copied.
 *
 * Pids are those of the initial pid namespace, times are nanoseconds on the scale of `record.elapsed` of the monitor
 * (negative: before it was opened).
 */
export interface Task {
  /** The kernel's pid: the id of the thread; of the process too where the task {@link Task.isLeader}. */
  readonly pid: number;
  /** The process id as users know it: the pid of the leader. */
  readonly tgid: number;
  /** Whether this task stands for the process. */
  readonly isLeader: boolean;
  /** The task that stands for the process; itself for a leader. */
  readonly leader: Task;
  /** The process that created this one, even after it ended; of a thread: of its process. */
  readonly parent: Task | undefined;
  /** Process id of {@link Task.parent}, known also where that is not; 0: none (init, kthreadd). */
  readonly parentPid: number;
  /** Names the process, not the thread, for ever: see {@link ProcessIds}. Empty where the start time is not known. */
  readonly processId: string;
  /** `comm`: the name of the thread, at most 15 bytes; any thread can change its own. */
  readonly command: string;
  /** All arguments of the last execve(2), that of the parent until the first; empty for kernel threads. Invalid UTF-8 reads U+FFFD. */
  readonly commandLine: readonly string[];
  /** {@link Task.commandLine} lacks arguments, or the end of its last one. */
  readonly commandLineTruncated: boolean;
  /** The path given to the last execve(2) as the kernel saw it, not resolved; empty where not known. */
  readonly filename: string;
  /**
   * The file that the process executes, whatever it is called: read from /proc when first asked for. Where that was too late
   * it is what execve(2) was given, if that is an absolute path: its origin is `tracepoint` then, and not complete.
   * `undefined` for kernel threads and where nobody knows.
   */
  readonly executable: TaskFile | undefined;
  /** User and group ids; `undefined` where not known. */
  readonly creds: Cred | undefined;
  /**
   * Working directory, an absolute path in the task's mount namespace; `undefined` where not known. A thread's is that of
   * its process unless it is known to have its own. It is the parent's, or read from /proc when first asked for; changes are
   * seen where {@link ProcessInfoCache.follow} says so, else its origin is not complete.
   */
  readonly cwd: string | undefined;
  /** The perf_event cgroup, with id and path as they are known by now; `undefined` where neither is. */
  readonly cgroup: Cgroup | undefined;
  /** Id of the perf_event cgroup (the inode of its directory); 0 where not known. */
  readonly cgroupId: number;
  /** Path of that cgroup in its hierarchy, `/` for the root; `undefined` where not known. */
  readonly cgroupPath: string | undefined;
  /** Flags of the clone(2) that made it (`CloneFlag`); `undefined` where that was not seen. */
  readonly cloneFlags: number | undefined;
  /** It is a thread of the kernel's. */
  readonly isKernelThread: boolean;
  /**
   * When it was made; from /proc to a resolution of 10 ms, rounded down. `undefined` where not known. Its origin is not
   * complete where {@link Task.processId} had to be made of a likely time, because the process was gone too soon.
   */
  readonly startTime: number | undefined;
  /** When it ended; a process ends with the last of its threads. `undefined` while it lives. */
  readonly exitTime: number | undefined;
  /** The wait status (wait(2)) with which the process ended; `undefined` while it lives and where not known. */
  readonly exitStatus: number | undefined;
  /** Id of the container it runs in; empty: none, or not known. */
  readonly containerId: string;
  /** What the lookup function for containers said; `undefined`: nothing. */
  readonly containerInfo: unknown;
  /** What the owner of the cache wants to find again with the process; all of its threads show it. Nothing reads it here. */
  attachment: unknown;
  /** Where a value came from. */
  origin(field: TaskField): Origin;
}
