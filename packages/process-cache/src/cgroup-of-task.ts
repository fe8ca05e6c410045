import type { TaskEntry } from "./task-entry.js";
import type { TaskFinder } from "./task-finder.js";

/**
 * Takes in which cgroup a task's own record was written in; `id` 0: it does not say. Where its path is not known, /proc may
 * tell: the answer counts if the path leads to that cgroup, since the task can have moved on.
 */
export function noteCgroup(finder: TaskFinder, task: TaskEntry, id: number): void {
  const known = task.cgroup;
  if (id === 0 || known?.id === id) return;
  const { cgroups, system } = finder;
  const cgroup = cgroups.get(id);
  if (cgroup.path === undefined) {
    // Where the mount is not seen, the path that /proc told stands for the first id that is.
    const path = known?.id === 0 ? known.path : system.cgroupPath(task.pid);
    if (path !== undefined && cgroups.confirms(id, path)) cgroups.made(id, path);
  }
  task.cgroup = cgroup;
  task.setOrigin("cgroup", "tracepoint", true);
}

/** Asks /proc for the cgroup of a child that clone3(2) put into another than its parent's; its own records tell it anew. */
export function askCgroup(finder: TaskFinder, child: TaskEntry): void {
  const path = finder.system.cgroupPath(child.pid);
  if (path === undefined) return;
  child.cgroup = finder.cgroups.at(path);
  child.setOrigin("cgroup", "procfs", child.cgroup.id !== 0);
}
