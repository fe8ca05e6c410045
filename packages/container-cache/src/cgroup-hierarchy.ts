import type { Dirent } from "node:fs";
import { readFileSync } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";

/** The hierarchy by whose ids perf events know cgroups. */
export interface CgroupHierarchy {
  /** Its id (cgroups(7), /proc/cgroups): 0 for version 2. */
  readonly id: number;
  /** Where it is mounted; `undefined`: nowhere. */
  readonly mount: string | undefined;
}

/** Folders below a mount that are looked at, at most. */
const SCAN_LIMIT = 65_536;

/** Finds the hierarchy that the perf_event controller belongs to. */
export function findPerfHierarchy(procRoot: string): CgroupHierarchy {
  const id = Number(/^perf_event\t(\d+)\t/m.exec(readText(`${procRoot}/cgroups`))?.[1] ?? 0);
  for (const line of readText(`${procRoot}/self/mountinfo`).split("\n")) {
    const [left = "", right = ""] = line.split(" - ");
    const [, , , root, mount] = left.split(" ");
    const [type, , options = ""] = right.split(" ");
    if (mount === undefined || root !== "/") continue;
    const isIt = id === 0 ? type === "cgroup2" : type === "cgroup" && options.split(",").includes("perf_event");
    if (isIt) return { id, mount: unescapeMount(mount) };
  }
  return { id, mount: undefined };
}

/**
 * Calls `found` for each cgroup below a mount: parents first. What is gone meanwhile is left out. Returns whether all
 * were looked at.
 */
export async function scanCgroups(
  mount: string,
  found: (id: number, path: string) => void,
  signal: AbortSignal,
): Promise<boolean> {
  const waiting = ["/"];
  for (let count = 0; count < SCAN_LIMIT && !signal.aborted; count++) {
    const path = waiting.pop();
    if (path === undefined) return true;
    try {
      // Of kernfs the inode number is the cgroup's id.
      const { ino } = await stat(join(mount, path));
      found(ino, path);
      for (const name of await folders(join(mount, path))) waiting.push(path === "/" ? `/${name}` : `${path}/${name}`);
    } catch {
      // Removed meanwhile.
    }
  }
  return false;
}

async function folders(path: string): Promise<string[]> {
  const entries: Dirent[] = await readdir(path, { withFileTypes: true });
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
}

/** Blanks and backslashes are written in octal (proc_pid_mountinfo(5)). */
function unescapeMount(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, octal) => String.fromCharCode(Number.parseInt(octal, 8)));
}

function readText(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return "";
  }
}
