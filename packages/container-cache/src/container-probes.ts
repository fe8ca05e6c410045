import { type EventGroup, type EventMonitor, PerfError, type SampleRecord } from "@kernscope/perf";

/** What is done with the kernel's events of cgroups. Records are valid during the call only. */
export interface CgroupHandlers {
  cgroupMade(root: number, id: number, path: string, record: SampleRecord): void;
  cgroupRemoved(root: number, id: number, record: SampleRecord): void;
  /** All tasks of the cgroup are frozen, or not any more; version 2 only. */
  cgroupFrozen(root: number, id: number, frozen: boolean, record: SampleRecord): void;
  /** A hierarchy was mounted, or has gone. */
  hierarchiesChanged(): void;
}

/** Milliseconds after which a change of the hierarchies can be seen in /proc. */
const SETTLE_TIME = 20;

interface CgroupFields {
  readonly root: number;
  readonly id: number | bigint;
  readonly path: string;
}

/** Registers what the kernel tells of cgroups: always on, as it is rare. */
export async function registerCgroupProbes(monitor: EventMonitor, handlers: CgroupHandlers): Promise<EventGroup> {
  const group = monitor.createGroup();
  try {
    await registerCgroups(monitor, handlers, group);
    await monitor.enable(group);
    return group;
  } catch (error) {
    await monitor.unregister(group);
    throw error;
  }
}

async function registerCgroups(monitor: EventMonitor, handlers: CgroupHandlers, group: EventGroup) {
  const options = { group, enabled: false };
  const register = (name: string, handle: (data: CgroupFields, record: SampleRecord) => void) =>
    monitor.registerTracepoint<CgroupFields>(`cgroup/${name}`, (record, data) => handle(data, record), options);
  await register("cgroup_rmdir", ({ root, id }, record) => handlers.cgroupRemoved(root, Number(id), record));
  await optional(register("cgroup_freeze", (data, record) => freeze(data, true, record)));
  await optional(register("cgroup_unfreeze", (data, record) => freeze(data, false, record)));
  for (const name of ["cgroup/cgroup_setup_root", "cgroup/cgroup_destroy_root"]) {
    // Each of a few controllers has its record; what they are about is settled a little later.
    const changed = () => void setTimeout(() => handlers.hierarchiesChanged(), SETTLE_TIME).unref();
    await optional(monitor.registerTracepoint(name, changed, options));
  }
  // At once, as the runtime's files of a short life are soon gone.
  await monitor.registerTracepoint<CgroupFields>(
    "cgroup/cgroup_mkdir",
    (record, { root, id, path }) => handlers.cgroupMade(root, Number(id), path, record),
    { ...options, urgent: true },
  );

  function freeze({ root, id }: CgroupFields, frozen: boolean, record: SampleRecord) {
    handlers.cgroupFrozen(root, Number(id), frozen, record);
  }
}

/** Leaves out what this kernel does not have. */
export async function optional(registration: Promise<unknown>): Promise<void> {
  try {
    await registration;
  } catch (error) {
    if (!(error instanceof PerfError && error.code === "not_found")) throw error;
  }
}
