import type { ProcExecutable, Procfs } from "./procfs.js";
import { noOrigin, type Origin } from "./task.js";
import type { TaskEntry } from "./task-entry.js";

/** The file that a program was started from, and who told. */
export interface TaskExecutable {
  readonly file: ProcExecutable | undefined;
  readonly origin: Origin;
}

export const noExecutable: TaskExecutable = Object.freeze({ file: undefined, origin: noOrigin });

const fromProc: Origin = Object.freeze({ source: "procfs", complete: true });

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
