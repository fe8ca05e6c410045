import type { Procfs } from "./procfs.js";

/** The hierarchy of cgroups that perf events know tasks by: that of the `perf_event` controller. */
export interface CgroupHierarchy {
  /** Its number in the kernel's cgroup events: 0 for version 2. */
  readonly id: number;
  readonly version: 1 | 2;
  /** Where it is mounted; `undefined`: nowhere that this process sees. */
  readonly mount: string | undefined;
  /** The cgroup that is at the mount's root: `/`, or less where only a part is mounted. */
  readonly root: string;
}

/**
 * Finds out which hierarchy it is: version 1 where something mounted the `perf_event` controller so, else version 2, of
 * which hybrid hosts have it beside others of version 1.
 */
export function perfHierarchy(procfs: Procfs): CgroupHierarchy {
  const id = hierarchyId(procfs.read(`${procfs.root}/cgroups`)?.toString("latin1") ?? "");
  const version = id === 0 ? 2 : 1;
  const mounts = procfs.read(`${procfs.root}/self/mountinfo`)?.toString("utf8") ?? "";
  const candidates = mounts.split("\n").map(parseMount);
  const found = candidates.filter((mount) => mount?.type === (version === 1 ? "cgroup" : "cgroup2"));
  const fitting = found.filter((mount) => version === 2 || mount?.options.includes("perf_event"));
  // A whole hierarchy rather than a part of it.
  const mount = fitting.find((each) => each?.root === "/") ?? fitting[0];
  return { id, version, mount: mount?.path, root: mount?.root ?? "/" };
}

/** The `hierarchy` column of /proc/cgroups (cgroups(7)) for `perf_event`; 0: version 2, or no such controller. */
function hierarchyId(text: string): number {
  const line = text.split("\n").find((each) => each.startsWith("perf_event\t"));
  return Number(line?.split("\t")[1] ?? 0);
}

/** A line of /proc/PID/mountinfo (proc_pid_mountinfo(5)): optional fields end at ` - `. */
function parseMount(line: string): { root: string; path: string; type: string; options: string[] } | undefined {
  const [front, back] = line.split(" - ");
  const [, , , root, path] = (front ?? "").split(" ").map(unescapeMount);
  const [type, , options] = (back ?? "").split(" ");
  if (root === undefined || path === undefined || type === undefined) return undefined;
  return { root, path, type, options: (options ?? "").split(",") };
}

/** Blanks, newlines and backslashes are written as three octal digits. */
function unescapeMount(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}
