import { readdir, readFile, readlink } from "node:fs/promises";

/** A process, for good: pids are given again, pids with start times are not, within one pid namespace. */
export interface ProbeOwner {
  /** Inode number of the pid namespace. */
  readonly namespace: string;
  readonly pid: number;
  /** Clock ticks since boot (proc(5), `starttime`). */
  readonly startTime: string;
}

/** The group of all probes. Their names are unique in themselves: the kernel's profiles list them without the group. */
const GROUP = "kernscope";
/** Inode number of the first pid namespace (PROC_PID_INIT_INO in include/linux/proc_ns.h). */
const FIRST_NAMESPACE = "4026531836";

/** `GROUP/EVENT` of a probe that `owner` made. */
export function probeName({ namespace, pid, startTime }: ProbeOwner, instance: string, count: number): string {
  return `${GROUP}/p${namespace}_${pid}_${startTime}_${instance}_${count}`;
}

/** Who made a probe, by its name; `undefined` where it is none of this library's. */
export function probeOwner(name: string): ProbeOwner | undefined {
  const [, namespace, pid, startTime] = /^kernscope\/p(\d+)_(\d+)_(\d+)_[0-9a-f]+_\d+$/.exec(name) ?? [];
  if (namespace === undefined || pid === undefined || startTime === undefined) return undefined;
  return { namespace, pid: Number(pid), startTime };
}

/** This process. */
export async function thisProcess(): Promise<ProbeOwner> {
  const [stat, namespace] = await Promise.all([readFile("/proc/self/stat", "latin1"), pidNamespace("self")]);
  return { namespace, pid: process.pid, startTime: startTimeOf(stat) };
}

/** Tells whether a process may still live: what cannot be known for sure counts as living. */
export class Liveness {
  readonly #own: string;
  #namespaces: Promise<ReadonlySet<string>> | undefined;

  /** @param own the pid namespace of this process */
  constructor(own: string) {
    this.#own = own;
  }

  async isAlive({ namespace, pid, startTime }: ProbeOwner): Promise<boolean> {
    if (namespace !== this.#own) return this.#mayHaveProcesses(namespace);
    try {
      return startTimeOf(await readFile(`/proc/${pid}/stat`, "latin1")) === startTime;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      return code !== "ENOENT" && code !== "ESRCH";
    }
  }

  /** Only the first namespace sees the processes of all others. */
  async #mayHaveProcesses(namespace: string): Promise<boolean> {
    if (this.#own !== FIRST_NAMESPACE) return true;
    this.#namespaces ??= namespacesInUse();
    return (await this.#namespaces).has(namespace);
  }
}

async function namespacesInUse(): Promise<ReadonlySet<string>> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  // A process that is gone by now, or going, has no namespace.
  return new Set(await Promise.all(pids.map((pid) => pidNamespace(pid).catch(() => ""))));
}

async function pidNamespace(pid: string): Promise<string> {
  return /\[(\d+)\]/.exec(await readlink(`/proc/${pid}/ns/pid`))?.[1] ?? "";
}

/** The 22nd field of /proc/PID/stat; the second one is in parentheses and can hold anything. */
function startTimeOf(stat: string): string {
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "";
}
