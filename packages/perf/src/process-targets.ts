import { readdir } from "node:fs/promises";
import { toPerfError } from "./errno.js";
import { PerfError } from "./errors.js";

/**
 * The ids of a process's threads, as they are now.
 *
 * @throws PerfError `not_found`, `permission`, `system`
 */
export async function listThreads(pid: number): Promise<number[]> {
  const subject = `pid ${pid}`;
  try {
    return (await readdir(`/proc/${pid}/task`)).map(Number);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "ENOENT" && code !== "ESRCH") throw toPerfError(error, "open", subject);
    throw new PerfError("not_found", { operation: "open", subject, cause: "no such process", from: error });
  }
}
