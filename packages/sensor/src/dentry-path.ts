import type { TraceFields } from "@kernscope/perf";
import type { Task } from "@kernscope/process-cache";
import type { KernelTypes } from "./kernel-types.js";
import type { Place, TaskMounts } from "./task-mounts.js";

/** Names that are fetched of a path, its own and those of the folders above: what fits into a fetch expression. */
const DEPTH = 9;

/**
 * Fetch expressions for the path of a `struct dentry`: the names on the way up to its file system's root, the device, and
 * the addresses of the dentry and the one above.
 *
 * @param prefix what the fields' names begin with
 * @param dentry fetch expression of the dentry's address
 */
export function dentryArguments(types: KernelTypes, prefix: string, dentry: string): Record<string, string> {
  const name = types.offset("dentry", "d_name") + types.offset("qstr", "name");
  const parent = types.offset("dentry", "d_parent");
  const args: Record<string, string> = {
    [`${prefix}dev`]: `+${types.offset("super_block", "s_dev")}(+${types.offset("dentry", "d_sb")}(${dentry})):u32`,
    [`${prefix}at`]: `${dentry}:u64`,
    [`${prefix}up`]: `+${parent}(${dentry}):u64`,
  };
  let at = dentry;
  for (let depth = 0; depth < DEPTH; depth++) {
    const text = `+0(+${name}(${at})):string`;
    if (text.length > 63) break;
    args[`${prefix}${depth}`] = text;
    at = `+${parent}(${at})`;
  }
  return args;
}

/** What {@link dentryArguments} fetched, put together. */
export interface DentryPath extends Place {
  /** The path is the end of one of which more could not be fetched. */
  readonly partial: boolean;
}

/** How many names of a path {@link dentryArguments} fetch; that of the root of its file system is one. */
export function dentryDepth(args: Readonly<Record<string, string>>, prefix: string): number {
  let depth = 0;
  while (args[`${prefix}${depth}`] !== undefined) depth++;
  return depth;
}

/**
 * The path that {@link dentryArguments} fetched: absolute in the task's mount namespace; where no path leads there, within
 * its file system, without its first `/`; and where more of it was not fetched, its end.
 *
 * @param elapsed when that was
 */
export function dentryPath(
  data: TraceFields,
  prefix: string,
  task: Task,
  elapsed: number,
  mounts: TaskMounts,
): DentryPath {
  const names: string[] = [];
  const device = Number(data[`${prefix}dev`]);
  for (let depth = 0; depth < DEPTH; depth++) {
    const name = data[`${prefix}${depth}`];
    if (typeof name !== "string" || name === "" || name === "(fault)") break;
    if (name === "/") {
      const { path, resolved } = mounts.locate(task, elapsed, device, `/${names.join("/")}`);
      return { path, resolved, partial: false };
    }
    names.unshift(name);
    // What lies in no directory, such as a memfd, is its own parent.
    if (depth === 0 && isAddress(data[`${prefix}at`]) && data[`${prefix}at`] === data[`${prefix}up`]) {
      return { path: name, resolved: false, partial: false };
    }
  }
  const path = names.join("/");
  return { path, resolved: false, partial: device === 0 || mounts.mayReach(task, device, path) };
}

/** What could not be fetched is 0. */
function isAddress(value: unknown): boolean {
  return value !== undefined && Number(value) !== 0;
}
