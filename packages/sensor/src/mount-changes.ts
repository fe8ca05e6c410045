import type { SampleRecord, TraceFields } from "@kernscope/perf";
import type { ProcessForkEvent, Task } from "@kernscope/process-cache";
import type { FamilyContext } from "./events/family.js";
import type { KernelSupport } from "./kernel-support.js";
import type { KernelTypes } from "./kernel-types.js";
import { Registrations } from "./registrations.js";
import { TaskMounts } from "./task-mounts.js";

/** A function at which something changes of what tasks see, and what is to be done about it. */
interface ChangeProbe {
  readonly function: string;
  readonly onReturn?: boolean;
  readonly args?: (types: KernelTypes) => Readonly<Record<string, string>>;
  readonly filter?: string;
  /** Without it nobody knows of all changes. The others tell of some of them more exactly. */
  readonly needed: boolean;
  readonly tell: (mounts: TaskMounts, record: SampleRecord, task: Task, data: TraceFields) => void;
}

const done: ChangeProbe["tell"] = (mounts, { elapsed }) => mounts.changed(elapsed, true);
const begun: ChangeProbe["tell"] = (mounts, { elapsed }) => mounts.changed(elapsed, false);
const probes: readonly ChangeProbe[] = [
  // mount(2) and umount(2) of all architectures.
  { function: "path_mount", onReturn: true, needed: true, tell: done },
  { function: "path_umount", onReturn: true, needed: true, tell: done },
  { function: "security_move_mount", needed: true, tell: begun },
  { function: "security_sb_pivotroot", needed: true, tell: begun },
  // Called while the tree of mounts is locked: mountinfo shows what comes of it.
  { function: "mnt_set_mountpoint", needed: false, tell: done },
  { function: "propagate_umount", needed: false, tell: done },
  {
    function: "d_move",
    args: dentryNameAndMode,
    // A directory (stat(2)).
    filter: "mode & 16384 && !(mode & 40960)",
    needed: true,
    tell: (mounts, { elapsed }, _, { name }) => mounts.renamed(name as string, elapsed),
  },
  { function: "d_exchange", needed: true, tell: begun },
  // unshare(2) and setns(2); a task that ends has no namespaces any more.
  {
    function: "switch_task_namespaces",
    args: () => ({ ns: "$arg2:u64" }),
    filter: "ns != 0",
    needed: true,
    tell: (mounts, { elapsed }, task) => mounts.moved(task, elapsed),
  },
  { function: "set_fs_root", needed: true, tell: (mounts, { elapsed }, task) => mounts.rooted(task, elapsed) },
];

function dentryNameAndMode(types: KernelTypes): Record<string, string> {
  const name = types.offset("dentry", "d_name") + types.offset("qstr", "name");
  const inode = types.offset("dentry", "d_inode");
  return {
    name: `+0(+${name}($arg1)):string`,
    mode: `+${types.offset("inode", "i_mode")}(+${inode}($arg1)):u16`,
  };
}

/** Whether this kernel tells of all changes; without that no path is told as resolved. */
export async function canFollowMounts(kernel: KernelSupport): Promise<boolean> {
  return (await planProbes(kernel)) !== undefined;
}

/** The probes that this kernel can have; `undefined` where one that is needed cannot be. */
async function planProbes(kernel: KernelSupport): Promise<PlannedProbe[] | undefined> {
  const types = await kernel.types();
  if (types === undefined) return undefined;
  const planned: PlannedProbe[] = [];
  for (const probe of probes) {
    const { function: name, args, needed } = probe;
    const isThere = (await kernel.findFunction([name])) !== undefined;
    if (!isThere && needed) return undefined;
    if (!isThere) continue;
    try {
      planned.push({ probe, args: args?.(types) ?? {} });
    } catch {
      // A struct that is not what it was.
      return undefined;
    }
  }
  return planned;
}

interface PlannedProbe {
  readonly probe: ChangeProbe;
  readonly args: Readonly<Record<string, string>>;
}

/** Mounts that are kept up to date, for one who uses them. */
export interface FollowedMounts {
  readonly mounts: TaskMounts;
  /** Is to be called when they are not needed any more. */
  release(): Promise<void>;
}

/** What all users of a monitor have in common. */
interface Shared {
  users: number;
  readonly opened: Promise<{ readonly mounts: TaskMounts; close(): Promise<void> }>;
}

const sharedBy = new WeakMap<FamilyContext["monitor"], Shared>();

/** Follows, by kernel probes, what tasks see of file systems. */
export async function followMounts(context: FamilyContext, kernel: KernelSupport): Promise<FollowedMounts> {
  const { monitor } = context;
  const shared = sharedBy.get(monitor) ?? { users: 0, opened: open(context, kernel) };
  sharedBy.set(monitor, shared);
  shared.users++;
  const leave = () => {
    if (--shared.users === 0 && sharedBy.get(monitor) === shared) sharedBy.delete(monitor);
    return shared.users === 0;
  };
  try {
    const { mounts, close } = await shared.opened;
    return {
      mounts,
      async release() {
        if (leave()) await close();
      },
    };
  } catch (error) {
    leave();
    throw error;
  }
}

async function open(context: FamilyContext, kernel: KernelSupport) {
  const { monitor, processCache } = context;
  const mounts = new TaskMounts(() => monitor.clock.now());
  const unlisten: (() => void)[] = [];
  const register = async (registrations: Registrations) => {
    const planned = await planProbes(kernel);
    if (planned === undefined) return;
    for (const { probe, args } of planned) {
      const { function: name, onReturn = false, filter = "", tell } = probe;
      await registrations.kprobe<TraceFields>(
        name,
        (record, data) => tell(mounts, record, processCache.lookupTask(record.tid), data),
        { onReturn, args, filter },
      );
    }
    unlisten.push(
      monitor.addHandler(
        processCache.forkEventId,
        ({ elapsed }: { elapsed: number }, { task, childTask, cloneFlags }: ProcessForkEvent) =>
          mounts.forked(task, childTask, cloneFlags, elapsed),
      ),
      monitor.onLoss(() => mounts.missed()),
    );
  };
  const close = await Registrations.open(monitor, () => {}, register);
  if (unlisten.length > 0) mounts.follow((pid) => processCache.lookupTask(pid));
  return {
    mounts,
    close() {
      for (const each of unlisten) each();
      return close();
    },
  };
}
