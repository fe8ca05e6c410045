import type { Cred } from "./credentials.js";
import { PF_KTHREAD, type ProcStat, perfCgroupPath } from "./proc-text.js";
import type { ProcDirectory, Procfs } from "./procfs.js";

/** What /proc says of one thread, all of one moment. */
export interface TaskSnapshot {
  readonly pid: number;
  readonly tgid: number;
  /** Who is its parent now: the process that made it, or who took its place. */
  readonly parentPid: number;
  /** Clock ticks since boot. */
  readonly startTick: number;
  readonly command: string;
  readonly creds: Cred | undefined;
  readonly isKernelThread: boolean;
  /** It has ended and was not waited for yet; of a leader: its other threads may live on. */
  readonly isZombie: boolean;
  /** Threads of its process that have not ended, and the leader in any case. */
  readonly threadCount: number;
  /** Wait status of a zombie; 0 where the reader may not know it. */
  readonly exitCode: number;
}

/** What /proc says of a process and its leader. */
export interface ProcessSnapshot extends TaskSnapshot {
  readonly argv: readonly string[];
  readonly truncated: boolean;
  readonly cgroupPath: string | undefined;
  /** Address at which execve(2) put the stack pointer; `undefined` where the reader may not know it. */
  readonly startStack: bigint | undefined;
}

/** How often a process is read again that executed another program in between. */
const ATTEMPTS = 4;

/**
 * Reads a process (or a thread, where `pid` is one's). Everything comes through one open directory, and the first and last
 * read must agree on start time and program: an exec in between would give one program's name and another's arguments.
 * `undefined`: there is no such process, or it ended meanwhile. `limit`: bytes of arguments at most.
 */
export function readSnapshot(procfs: Procfs, pid: number, limit: number): ProcessSnapshot | undefined {
  return procfs.with(pid, (directory) => {
    for (let attempt = 1; ; attempt++) {
      const before = directory.stat();
      if (before === undefined) return undefined;
      const task = taskOf(directory, before);
      if (task === undefined) return undefined;
      const line = directory.commandLine(limit);
      const cgroups = directory.cgroups();
      const after = directory.stat();
      if (after === undefined) return undefined;
      if (!isSameProgram(before, after) && attempt < ATTEMPTS) continue;
      const { argv, truncated } = line ?? { argv: [], truncated: true };
      return {
        ...task,
        argv,
        // A zombie has lost its memory and with it its arguments.
        truncated: truncated || (task.isZombie && !task.isKernelThread) || !isSameProgram(before, after),
        cgroupPath: cgroups && perfCgroupPath(cgroups),
        startStack: after.startStack === "0" ? undefined : BigInt(after.startStack),
      };
    }
  });
}

/** Reads the threads of a process beside its leader. */
export function readThreads(procfs: Procfs, tgid: number): TaskSnapshot[] {
  const threads: TaskSnapshot[] = [];
  procfs.with(tgid, (process) => {
    for (const tid of process.threads()) {
      if (tid === tgid) continue;
      const thread = process.withThread(tid, (directory) => {
        const stat = directory.stat();
        return stat && taskOf(directory, stat);
      });
      if (thread !== undefined && thread.tgid === tgid) threads.push(thread);
    }
  });
  return threads;
}

function taskOf(directory: ProcDirectory, stat: ProcStat): TaskSnapshot | undefined {
  const status = directory.status();
  if (status === undefined) return undefined;
  return {
    pid: stat.pid,
    tgid: status.tgid,
    parentPid: stat.parentPid,
    startTick: stat.startTick,
    command: stat.command,
    creds: status.creds,
    isKernelThread: (stat.flags & PF_KTHREAD) !== 0,
    isZombie: stat.state === "Z" || stat.state === "X",
    threadCount: stat.threads,
    exitCode: stat.exitCode,
  };
}

function isSameProgram(before: ProcStat, after: ProcStat): boolean {
  return (
    before.startTick === after.startTick &&
    before.startStack === after.startStack &&
    before.argumentsEnd === after.argumentsEnd &&
    (before.state !== "Z") === (after.state !== "Z")
  );
}
