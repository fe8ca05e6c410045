import { type EventGroup, type EventMonitor, PerfError, type SampleRecord } from "@kernscope/perf";
import { endRegisters, type ProcessEnds } from "./init-end.js";

/** What is done with the kernel's events. Records are valid during the call only. */
export interface ContainerProbeHandlers {
  cgroupMade(root: number, id: number, path: string, record: SampleRecord): void;
  cgroupRemoved(root: number, id: number, record: SampleRecord): void;
  /** All tasks of the cgroup are frozen, or not any more; version 2 only. */
  cgroupFrozen(root: number, id: number, frozen: boolean, record: SampleRecord): void;
  /** A process executes a file. */
  executed(record: SampleRecord, data: { readonly filename: string }): void;
  /** The last thread of a process left. */
  ended(record: SampleRecord): void;
}

export interface ContainerProbes {
  /** Of cgroups: always on, as they are rare. */
  readonly cgroups: EventGroup;
  /** Of processes: off, until there is a container runtime. */
  readonly processes: EventGroup;
}

interface CgroupFields {
  readonly root: number;
  readonly id: number | bigint;
  readonly path: string;
}

/** Signals whose default action is to end the process: all but CHLD, CONT, the stop signals, URG and WINCH (signal(7)). */
const ENDING = "(sig < 17 || sig > 23) && sig != 28 && (result == 0 || result == 4)";

/** Registers what the kernel tells of cgroups and of processes' beginnings and ends. */
export async function registerContainerProbes(
  monitor: EventMonitor,
  handlers: ContainerProbeHandlers,
  ends: ProcessEnds,
): Promise<ContainerProbes> {
  const probes = { cgroups: monitor.createGroup(), processes: monitor.createGroup() };
  try {
    await registerCgroups(monitor, handlers, probes.cgroups);
    await registerProcesses(monitor, handlers, ends, probes.processes);
    await monitor.enable(probes.cgroups);
    return probes;
  } catch (error) {
    await unregisterContainerProbes(monitor, probes);
    throw error;
  }
}

export async function unregisterContainerProbes(monitor: EventMonitor, probes: ContainerProbes): Promise<void> {
  await Promise.all([monitor.unregister(probes.cgroups), monitor.unregister(probes.processes)]);
}

async function registerCgroups(monitor: EventMonitor, handlers: ContainerProbeHandlers, group: EventGroup) {
  const options = { group, enabled: false };
  const register = (name: string, handle: (data: CgroupFields, record: SampleRecord) => void) =>
    monitor.registerTracepoint<CgroupFields>(`cgroup/${name}`, (record, data) => handle(data, record), options);
  await register("cgroup_rmdir", ({ root, id }, record) => handlers.cgroupRemoved(root, Number(id), record));
  await optional(register("cgroup_freeze", (data, record) => freeze(data, true, record)));
  await optional(register("cgroup_unfreeze", (data, record) => freeze(data, false, record)));
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

/** What comes last in a process's life is enabled first. */
async function registerProcesses(
  monitor: EventMonitor,
  handlers: ContainerProbeHandlers,
  ends: ProcessEnds,
  group: EventGroup,
) {
  const options = { group, enabled: false };
  let tellsGroup = false;
  const exit = await monitor.registerTracepoint<{ group_dead?: number | boolean }>(
    "sched/sched_process_exit",
    (record, data) => {
      if (tellsGroup ? data.group_dead : record.pid === record.tid) handlers.ended(record);
      else ends.threadLeft(record);
    },
    { ...options, sample: { cgroup: true, userRegisters: endRegisters() } },
  );
  tellsGroup = monitor.fields(exit).some(({ name }) => name === "group_dead");
  // The registers are there since 6.16, as is the word on the group. Without them the call is the only witness.
  if (!tellsGroup) {
    await optional(
      monitor.registerTracepoint<{ error_code: number }>(
        "syscalls/sys_enter_exit_group",
        (record, data) => ends.exitCalled(record.pid, Number(data.error_code), record.elapsed),
        options,
      ),
    );
  }
  await optional(
    monitor.registerTracepoint<{ pid: number; sig: number }>(
      "signal/signal_generate",
      (record, { pid, sig }) => ends.signalSent(pid, sig, record.elapsed),
      { ...options, filter: ENDING },
    ),
  );
  await optional(
    monitor.registerTracepoint<{ pid: number }>(
      "oom/mark_victim",
      (record, { pid }) => ends.chosenVictim(pid, record.elapsed),
      options,
    ),
  );
  await monitor.registerTracepoint<{ filename: string }>(
    "sched/sched_process_exec",
    (record, data) => handlers.executed(record, data),
    { ...options, sample: { cgroup: true } },
  );
}

async function optional(registration: Promise<unknown>): Promise<void> {
  try {
    await registration;
  } catch (error) {
    if (!(error instanceof PerfError && error.code === "not_found")) throw error;
  }
}
