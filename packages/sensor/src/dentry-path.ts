import type { TraceFields } from "@kernscope/perf";
import type { Task } from "@kernscope/process-cache";
import type { KernelTypes } from "./kernel-types.js";
import type { MountTables } from "./mount-table.js";

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

/** A name, and whether it is a file's path in the task's mount namespace. */
export interface DentryPath {
  readonly path: string;
  readonly resolved: boolean;
}

/**
 * The path that {@link dentryArguments} fetched: absolute in the task's mount namespace or, where more of it was not
 * fetched or its file system is mounted nowhere there, what is known of its end, without a leading `/`.
 */
export function dentryPath(data: TraceFields, prefix: string, task: Task, mounts: MountTables): DentryPath {
  const names: string[] = [];
  for (let depth = 0; depth < DEPTH; depth++) {
    const name = data[`${prefix}${depth}`];
    if (typeof name !== "string" || name === "" || name === "(fault)") break;
    if (name === "/") {
      const path = `/${names.join("/")}`;
      const resolved = mounts.resolve(task, Number(data[`${prefix}dev`]), path);
      return { path: resolved ?? path.slice(1), resolved: resolved !== undefined };
    }
    names.unshift(name);
    // What lies in no directory, such as a memfd, is its own parent.
    if (depth === 0 && isAddress(data[`${prefix}at`]) && data[`${prefix}at`] === data[`${prefix}up`]) break;
  }
  return { path: names.join("/"), resolved: false };
}

/** What could not be fetched is 0. */
function isAddress(value: unknown): boolean {
  return value !== undefined && Number(value) !== 0;
}
