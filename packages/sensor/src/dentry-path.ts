import type { TraceFields } from "@kernscope/perf";
import type { Task } from "@kernscope/process-cache";
import type { KernelTypes } from "./kernel-types.js";
import type { MountTables } from "./mount-table.js";

/** Names that are fetched of a path, its own and those of the folders above: what fits into a fetch expression. */
const DEPTH = 9;

/**
 * Fetch expressions for the path of a `struct dentry`: the names on the way up to its file system's root, and the device.
 *
 * @param prefix what the fields' names begin with
 * @param dentry fetch expression of the dentry's address
 */
export function dentryArguments(types: KernelTypes, prefix: string, dentry: string): Record<string, string> {
  const name = types.offset("dentry", "d_name") + types.offset("qstr", "name");
  const parent = types.offset("dentry", "d_parent");
  const args: Record<string, string> = {
    [`${prefix}dev`]: `+${types.offset("super_block", "s_dev")}(+${types.offset("dentry", "d_sb")}(${dentry})):u32`,
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

/**
 * The path that {@link dentryArguments} fetched: absolute in the task's mount namespace or, where more of it was not
 * fetched or its file system is mounted nowhere there, what is known of its end, without a leading `/`.
 */
export function dentryPath(data: TraceFields, prefix: string, task: Task, mounts: MountTables): string {
  const names: string[] = [];
  for (let depth = 0; depth < DEPTH; depth++) {
    const name = data[`${prefix}${depth}`];
    if (typeof name !== "string" || name === "") break;
    if (name === "/") {
      const path = `/${names.join("/")}`;
      return mounts.resolve(task, Number(data[`${prefix}dev`]), path) ?? path.slice(1);
    }
    names.unshift(name);
  }
  return names.join("/");
}
