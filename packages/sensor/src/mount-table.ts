import { readFileSync } from "node:fs";
import type { Task } from "@kernscope/process-cache";

/** A line of /proc/PID/mountinfo (proc_pid_mountinfo(5)). */
interface Mount {
  /** `major:minor` of the file system. */
  readonly device: string;
  /** What of the file system is mounted: a path in it. */
  readonly root: string;
  readonly mountPoint: string;
}

interface Table {
  readonly mounts: readonly Mount[];
  readonly readAt: number;
}

/** Milliseconds after which a table is read again, and those where a file system was not in it: it may have just been mounted. */
const [MAX_AGE, MAX_AGE_UNKNOWN] = [2000, 100];

/** Where file systems are mounted, as the processes see it. */
export class MountTables {
  readonly #procRoot: string;
  readonly #tables = new WeakMap<Task, Table>();

  constructor(procRoot = "/proc") {
    this.#procRoot = procRoot;
  }

  /**
   * The absolute path, in the mount namespace of a task, of a path within a file system. Where it is mounted at several
   * places it is always the same of them that counts; `undefined` where none is known.
   *
   * @param device the kernel's `dev_t`
   */
  resolve(task: Task, device: number, path: string): string | undefined {
    const name = `${device >>> 20}:${device & 0xf_ffff}`;
    const process = task.leader;
    return find(this.#of(process, MAX_AGE), name, path) ?? find(this.#of(process, MAX_AGE_UNKNOWN), name, path);
  }

  /** A process that is gone had, most likely, what its parent has. */
  #of(process: Task, maxAge: number): readonly Mount[] {
    const now = performance.now();
    for (let next: Task | undefined = process; next !== undefined; next = next.parent?.leader) {
      const known = this.#tables.get(next);
      if (known !== undefined && now - known.readAt < maxAge) return known.mounts;
      const mounts = this.#read(next.pid);
      if (mounts === undefined) continue;
      this.#tables.set(next, { mounts, readAt: now });
      if (next !== process) this.#tables.set(process, { mounts, readAt: now });
      return mounts;
    }
    return this.#read("self") ?? [];
  }

  #read(pid: number | "self"): Mount[] | undefined {
    try {
      return parseMountInfo(readFileSync(`${this.#procRoot}/${pid}/mountinfo`, "utf8"));
    } catch {
      return undefined;
    }
  }
}

function find(mounts: readonly Mount[], device: string, path: string): string | undefined {
  let best: Mount | undefined;
  for (const mount of mounts) {
    if (mount.device !== device || !isBelow(path, mount.root)) continue;
    if (best === undefined || mount.root.length < best.root.length) best = mount;
  }
  if (best === undefined) return undefined;
  const inner = best.root === "/" ? path : path.slice(best.root.length);
  return best.mountPoint === "/" ? inner || "/" : `${best.mountPoint}${inner === "/" ? "" : inner}`;
}

/** Reads mountinfo; blanks and the like stand in it as octal escapes. */
export function parseMountInfo(text: string): Mount[] {
  const mounts: Mount[] = [];
  for (const line of text.split("\n")) {
    const [, , device, root, mountPoint] = line.split(" ");
    if (device === undefined || root === undefined || mountPoint === undefined) continue;
    mounts.push({ device, root: unescapeOctal(root), mountPoint: unescapeOctal(mountPoint) });
  }
  return mounts;
}

function unescapeOctal(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, octal) => String.fromCharCode(Number.parseInt(octal, 8)));
}

function isBelow(path: string, root: string): boolean {
  return root === "/" || path === root || path.startsWith(`${root}/`);
}
