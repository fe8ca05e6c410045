import type { Procfs } from "./procfs.js";
import { noOrigin, type Origin, originOf, type TaskFile } from "./task.js";
import type { Program, TaskEntry } from "./task-entry.js";

/** The file that a program was started from, and who told. */
export interface TaskExecutable {
  readonly file: TaskFile | undefined;
  readonly origin: Origin;
}

export const noExecutable: TaskExecutable = Object.freeze({ file: undefined, origin: noOrigin });

const fromEvent = originOf("tracepoint", false);
const fromProc = originOf("procfs", true);

/**
 * Asks /proc for the file that a process executes. The answer counts only if afterwards the process still is the one that
 * began at that time, and in the same execve(2): then it cannot be another program's. A child that has not executed
 * anything yet shows its parent's stack and its parent's file.
 */
export function readExecutable(procfs: Procfs, leader: TaskEntry): TaskExecutable {
  if (leader.isKernelThread || leader.exitTime !== undefined || leader.pid <= 0) return noExecutable;
  const { startStack } = leader.program;
  const file = procfs.with(leader.pid, (directory) => {
    const found = directory.executable();
    const stat = directory.stat();
    if (found === undefined || stat === undefined) return undefined;
    if (!isSameProcess(leader, stat.startTick)) return undefined;
    return startStack === undefined || stat.startStack === `${startStack}` ? found : undefined;
  });
  return file === undefined ? noExecutable : { file, origin: fromProc };
}

/**
 * What the kernel's record of an execve(2) says of the file, for processes that were gone when /proc was asked: the path that
 * the call was given. It counts where it is absolute, and does not only lead to a file that the caller had open.
 */
export function executableOf({ filename }: Program): TaskExecutable {
  if (!filename.startsWith("/") || OPEN_FILE.test(filename)) return noExecutable;
  return {
    file: { path: filename, device: undefined, inode: undefined, deleted: undefined, memfd: undefined },
    origin: fromEvent,
  };
}

/** Names of open files: fexecve(3) makes the kernel show the first ones. */
const OPEN_FILE = /^\/+(dev|proc\/+[^/]+(\/+task\/+[^/]+)?)\/+fd\//;

/** Asks /proc where a process works. */
export function readDirectory(procfs: Procfs, leader: TaskEntry): string | undefined {
  return procfs.with(leader.pid, (directory) => {
    const path = directory.workingDirectory();
    const tick = directory.startTick();
    return tick !== undefined && isSameProcess(leader, tick) ? path : undefined;
  });
}

/** Whether a process that began at `tick` can be `leader`. */
function isSameProcess(leader: TaskEntry, tick: number): boolean {
  return leader.startTick < 0 || leader.startTick === tick || !leader.origin("startTime").complete;
}
