import type { EventId } from "@kernscope/perf";
import type { Task } from "./task.js";

/** The external events of a cache. */
export interface ProcessCacheEvents {
  readonly fork: EventId;
  readonly exec: EventId;
  readonly exit: EventId;
  readonly update: EventId;
}

/** Data of the external event `forkEventId`: a task was made. The sample is the parent's. */
export interface ProcessForkEvent {
  /** The thread that called clone(2), fork(2) or vfork(2). */
  readonly task: Task;
  /** What it made: a process, or a thread of its own process where not `childTask.isLeader`. */
  readonly childTask: Task;
  /** Flags of clone(2) (`CloneFlag`), without the exit signal. */
  readonly cloneFlags: number;
}

/** Data of the external event `execEventId`: a process executes a new program. */
export interface ProcessExecEvent {
  readonly task: Task;
  /** The path as it was given to execve(2). */
  readonly filename: string;
  readonly commandLine: readonly string[];
  /** `commandLine` lacks arguments, or the end of its last one. */
  readonly truncated: boolean;
  /** The thread that called execve(2); its id is the process's from now on. Differs from `task.pid` if it was not the leader. */
  readonly oldPid: number;
}

/** Data of the external event `exitEventId`: a process ended, with the last of its threads. */
export interface ProcessExitEvent extends ExitStatus {
  readonly task: Task;
}

/** How a process ended. */
export interface ExitStatus {
  /** The wait status as wait(2) gives it; without 0x80 where `coreDumped` is not known; `undefined`: not known at all. */
  readonly status: number | undefined;
  /** What it gave to exit(2), 0 … 255; `undefined` where a signal ended it. */
  readonly code: number | undefined;
  /** The signal that ended it; 0: none; `undefined`: not known. */
  readonly signal: number | undefined;
  /** Whether it left a core dump; `undefined`: the kernel does not say. */
  readonly coreDumped: boolean | undefined;
  /** False where the kernel's events leave another status possible. */
  readonly certain: boolean;
}

/**
 * Data of the external event `updateEventId`: something else about a task changed. The sample is that of who changed it,
 * which another task can do for `command` and `cgroup`.
 */
export interface ProcessUpdateEvent {
  readonly task: Task;
  /** What has another value now. */
  readonly field: "command" | "creds" | "cwd" | "cgroup";
  /** Where `field` is `cwd`: the new working directory. */
  readonly cwd?: string;
}
