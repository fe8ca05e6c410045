import type { Cred } from "./credentials.js";
import type { ProcessSnapshot, TaskSnapshot } from "./proc-snapshot.js";
import type { TaskEntry } from "./task-entry.js";
import type { TaskExecutable } from "./task-executable.js";

/** Whose record it is: the part of perf's `SampleRecord` that is needed here. */
export interface RecordContext {
  /** Process and thread. */
  readonly pid: number;
  readonly tid: number;
  /** Id of the perf_event cgroup; 0: not sampled. */
  readonly cgroup: number;
  /** Nanoseconds since the monitor was opened. */
  readonly elapsed: number;
}

/** What is asked of the system beside its events. Nothing here throws. */
export interface TaskSystem {
  /** What /proc says of a process or thread now. */
  snapshot(pid: number): ProcessSnapshot | undefined;
  /** What /proc says of the threads of a process beside the leader. */
  threads(tgid: number): readonly TaskSnapshot[];
  /** The pids of all processes. */
  pids(): Promise<readonly number[]>;
  /** What /proc says of several processes, those that there are in the order of `pids`, without keeping others waiting. */
  snapshotsOf(pids: readonly number[]): Promise<readonly ProcessSnapshot[]>;
  /** As `threads`, likewise. */
  threadsLater(tgid: number): Promise<readonly TaskSnapshot[]>;
  /** Start time of a task in clock ticks since boot. */
  startTick(pid: number): number | undefined;
  creds(pid: number): Cred | undefined;
  /** Working directory of a process or thread. */
  cwd(pid: number): string | undefined;
  /** Working directory of a process, if it is the one that began when `leader` did. */
  directoryOf(leader: TaskEntry): string | undefined;
  /** Path of its perf_event cgroup. */
  cgroupPath(pid: number): string | undefined;
  /** The file that a process executes. */
  executable(leader: TaskEntry): TaskExecutable;
  /** Wait status of a process that has ended and was not waited for, if it is the one that started at `tick`. */
  exitCode(pid: number, tick: number): number | undefined;
}

/** Conversions of perf's `MonitorClock`. */
export interface TaskClock {
  now(): number;
  toBootNanos(elapsed: number): number;
  fromBootNanos(nanos: number): number;
}
