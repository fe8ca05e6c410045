import { readlinkSync } from "node:fs";
import type { Task } from "@kernscope/process-cache";
import { FileNameSource } from "./payload.js";

/** A file's name as a program gave it, or behind the directory that it is relative to. */
export interface GivenName {
  readonly filename: string;
  /** `FileNameSource`. */
  readonly nameSource: number;
}

/** `dfd` that stands for the working directory (fcntl.h). */
const AT_FDCWD = -100;

/**
 * Puts a relative name behind the directory that the descriptor `dfd` stands for; where that is not known it stays as it is.
 *
 * @param cwd the task's working directory
 */
export function givenName(name: string, dfd: number, task: Task, cwd: (task: Task) => string | undefined): GivenName {
  if (name.startsWith("/")) return { filename: name, nameSource: FileNameSource.GIVEN };
  const isWorkingDirectory = dfd === AT_FDCWD;
  const directory = isWorkingDirectory ? cwd(task) : directoryOf(task.pid, dfd);
  if (directory === undefined || !directory.startsWith("/")) {
    return { filename: name, nameSource: FileNameSource.GIVEN };
  }
  const inner = name.replace(/^(?:\.\/+)+/, "");
  const nameSource = isWorkingDirectory ? FileNameSource.WORKING_DIRECTORY : FileNameSource.DESCRIPTOR;
  return { filename: `${directory === "/" ? "" : directory}/${inner}`, nameSource };
}

/** What a descriptor of a task stands for now; `undefined` where the task, or the directory, is gone. */
function directoryOf(tid: number, descriptor: number): string | undefined {
  try {
    const path = readlinkSync(`/proc/${tid}/fd/${descriptor}`);
    return path.endsWith(" (deleted)") ? undefined : path;
  } catch {
    return undefined;
  }
}
