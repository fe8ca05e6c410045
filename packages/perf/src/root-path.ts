import { readlink } from "node:fs/promises";
import { join } from "node:path";
import { PerfError } from "./errors.js";

/** As many as the kernel follows (MAXSYMLINKS). */
const MAX_LINKS = 40;

/**
 * Where `path` is for those whose root directory is `root`, such as `/proc/PID/root` of a container's process: absolute
 * links and `..` stay below that root.
 */
export async function resolveInRoot(root: string, path: string): Promise<string> {
  let left = path.split("/");
  let links = 0;
  const done: string[] = [];
  while (left.length > 0) {
    const [part = "", ...rest] = left;
    left = rest;
    if (part === "" || part === ".") continue;
    if (part === "..") {
      done.pop();
      continue;
    }
    const target = await readlink(join(root, ...done, part)).catch(() => undefined);
    if (target === undefined) {
      done.push(part);
      continue;
    }
    if (++links > MAX_LINKS) {
      throw new PerfError("invalid", { operation: "open", subject: path, cause: "ELOOP", errno: "ELOOP" });
    }
    if (target.startsWith("/")) done.length = 0;
    left = [...target.split("/"), ...left];
  }
  return join(root, ...done);
}
