import {
  Btf,
  type EventGroup,
  type EventId,
  type EventMonitor,
  fetchMember,
  PerfError,
  type RegistrationOptions,
} from "@kernscope/perf";
import type { Cred } from "./credentials.js";
import type { ProcessCacheEvents, ProcessUpdateEvent } from "./process-events.js";
import type { TaskChanges } from "./task-changes.js";
import type { RecordContext } from "./task-system.js";

export interface ChangeProbesInit {
  readonly monitor: EventMonitor;
  readonly changes: TaskChanges;
  readonly events: ProcessCacheEvents;
}

/** Events are registered with these and stay off until their group is enabled. */
const OFF = { enabled: false } as const;
/** What only /proc can tell more of: it has to be asked before the task is gone. */
const ASKING = { enabled: false, urgent: true } as const;

const ids = ["uid", "gid", "suid", "sgid", "euid", "egid", "fsuid", "fsgid"] as const;

/**
 * commit_creds() (kernel/cred.c) is what all changes of a task's own credentials go through, whatever call or exec makes
 * them. Gives whether this kernel has kprobes and types (BTF).
 */
export function registerCredsProbe(init: ChangeProbesInit, group: EventGroup): Promise<boolean> {
  return ifOffered(async () => {
    const args = await credArguments();
    const { monitor, changes } = init;
    await monitor.registerKprobe<Record<keyof Cred, number>>(
      "commit_creds",
      (record, data) => publish(init, record, changes.credsTold(record, data)),
      { ...OFF, group, args },
    );
  });
}

let credPlaces: Promise<Record<string, string>> | undefined;

/** Where the ids lie in this kernel's `struct cred`: the same until the next boot, and some work to find out. */
function credArguments(): Promise<Record<string, string>> {
  credPlaces ??= Btf.open().then((btf) =>
    Object.fromEntries(ids.map((id) => [id, fetchMember(btf, "$arg1", "cred", `${id}.val`)])),
  );
  credPlaces.catch(() => {
    credPlaces = undefined;
  });
  return credPlaces;
}

/** set_fs_pwd() (fs/fs_struct.c) is what chdir(2), fchdir(2) and setns(2) end in; when it returns, /proc tells the rest. */
export function registerDirectoryProbe(init: ChangeProbesInit, group: EventGroup): Promise<boolean> {
  const { monitor, changes } = init;
  return ifOffered(() =>
    monitor.registerKprobe("set_fs_pwd", (record) => publish(init, record, changes.directoryChanged(record)), {
      ...ASKING,
      group,
      onReturn: true,
    }),
  );
}

const setIds = ["setuid", "setgid", "setreuid", "setregid", "setresuid", "setresgid"] as const;
/** They return the former id, whatever they do. */
const setFsIds = ["setfsuid", "setfsgid"] as const;
/** Numbers of the same calls for 32-bit programs on x86-64 and arm64, with ids of 16 bits and of 32. */
const compatSetIds = [23, 46, 70, 71, 164, 170, 203, 204, 208, 210, 213, 214];
const compatSetFsIds = [138, 139, 215, 216];
const compatDirectories = [12, 133];

/**
 * The calls that change a task's credentials, or its directory. `compat`: also those of 32-bit programs, whose numbers only
 * the event of all system calls has; other calls of the same numbers come along, and are found to have changed nothing.
 */
export async function registerCalls(
  init: ChangeProbesInit,
  field: "creds" | "cwd",
  compat: boolean,
  group: EventGroup,
): Promise<boolean> {
  const { monitor, changes } = init;
  const change = (record: RecordContext & Sampled) =>
    publish(init, record, field === "creds" ? changes.credsChanged(record) : changes.directoryChanged(record));
  const register = (name: string, filter?: string): Promise<EventId> => {
    const options: RegistrationOptions = { ...ASKING, group, ...(filter !== undefined && { filter }) };
    return monitor.registerTracepoint(name, change, options);
  };
  return ifOffered(async () => {
    for (const name of field === "creds" ? setIds : ["chdir", "fchdir"]) {
      await register(`syscalls/sys_exit_${name}`, "ret == 0");
    }
    if (field === "creds") for (const name of setFsIds) await register(`syscalls/sys_exit_${name}`);
    if (compat) await register("raw_syscalls/sys_exit", compatFilter(field));
  });
}

function compatFilter(field: "creds" | "cwd"): string {
  const anyOf = (numbers: readonly number[]) => numbers.map((number) => `id == ${number}`).join(" || ");
  if (field === "cwd") return `(${anyOf(compatDirectories)}) && ret == 0`;
  return `((${anyOf(compatSetIds)}) && ret == 0) || ${anyOf(compatSetFsIds)}`;
}

/** Cgroups that come and go, and tasks that are moved between them, of one hierarchy. Gives what the kernel lacks. */
export async function registerCgroups(
  init: ChangeProbesInit,
  hierarchy: number,
  removed: (id: number) => void,
  group: EventGroup,
): Promise<string[]> {
  const { monitor, changes } = init;
  const missing: string[] = [];
  const named = (_: unknown, data: CgroupFields) => changes.cgroupNamed(Number(data.id), data.path);
  const moved = (record: RecordContext & Sampled, data: MoveFields) =>
    publish(init, record, changes.cgroupMoved(data.pid, Number(data.dst_id), data.dst_path));
  const register = async (name: string, work: () => Promise<unknown>) => {
    if (!(await ifOffered(work))) missing.push(name);
  };
  const ofRoot = { ...OFF, group, filter: `root == ${hierarchy}` };
  const toRoot = { ...OFF, group, filter: `dst_root == ${hierarchy}` };
  for (const name of ["cgroup/cgroup_mkdir", "cgroup/cgroup_rename"]) {
    await register(name, () => monitor.registerTracepoint<CgroupFields>(name, named, ofRoot));
  }
  const remove = (_: unknown, data: CgroupFields) => removed(Number(data.id));
  const rmdir = "cgroup/cgroup_rmdir";
  await register(rmdir, () => monitor.registerTracepoint<CgroupFields>(rmdir, remove, ofRoot));
  for (const name of ["cgroup/cgroup_attach_task", "cgroup/cgroup_transfer_tasks"]) {
    await register(name, () => monitor.registerTracepoint<MoveFields>(name, moved, toRoot));
  }
  return missing;
}

interface CgroupFields {
  readonly id: number | bigint;
  readonly path: string;
}

interface MoveFields {
  readonly pid: number;
  readonly dst_id: number | bigint;
  readonly dst_path: string;
}

interface Sampled {
  sampleId(): Parameters<EventMonitor["enqueueExternalSample"]>[1];
}

function publish({ monitor, events }: ChangeProbesInit, record: Sampled, event: ProcessUpdateEvent | undefined): void {
  if (event !== undefined) monitor.enqueueExternalSample(events.update, record.sampleId(), event);
}

/** Whether the kernel offers what `register` registers. */
async function ifOffered(register: () => Promise<unknown>): Promise<boolean> {
  try {
    await register();
    return true;
  } catch (error) {
    if (error instanceof PerfError && (error.code === "unsupported" || error.code === "not_found")) return false;
    throw error;
  }
}
