import { readFile } from "node:fs/promises";
import { findMounts } from "./tracefs.js";

/** The cgroup hierarchy that has the perf_event controller: what perf knows of cgroups is of this one. */
export interface PerfHierarchy {
  /** 1 where a hierarchy of cgroup v1 has taken the controller, else 2. */
  readonly version: 1 | 2;
  /** Where it is mounted; `undefined`: nowhere that this process can see. */
  readonly place: string | undefined;
}

/** `undefined` where the kernel has no such controller (CONFIG_CGROUP_PERF). */
export async function findPerfHierarchy(): Promise<PerfHierarchy | undefined> {
  const controllers = await readFile("/proc/cgroups", "latin1").catch(() => "");
  const mountinfo = await readFile("/proc/self/mountinfo", "utf8").catch(() => "");
  return parsePerfHierarchy(controllers, mountinfo);
}

/**
 * @param controllers as /proc/cgroups, where 0 is the number of the v2 hierarchy (cgroups(7))
 * @param mountinfo as /proc/self/mountinfo
 */
export function parsePerfHierarchy(controllers: string, mountinfo: string): PerfHierarchy | undefined {
  const number = /^perf_event\s+(\d+)\s/m.exec(controllers)?.[1];
  if (number === undefined) return undefined;
  if (number === "0") return { version: 2, place: findMounts(mountinfo, "cgroup2")[0] };
  const mounts = mountinfo.split("\n").filter((line) => / - cgroup \S+ (?:\S*,)?perf_event(?:,|$)/.test(line));
  return { version: 1, place: findMounts(mounts.join("\n"), "cgroup")[0] };
}
