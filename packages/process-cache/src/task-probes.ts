import {
  type EventGroup,
  type EventId,
  type EventMonitor,
  PerfError,
  type SampleId,
  type SampleRecord,
  UserRegister,
} from "@kernscope/perf";
import { parseExecStack, RegistersAbi, StackViews } from "./exec-args.js";
import { type ExecArguments, type ExecRestOptions, execArguments } from "./exec-rest.js";
import { ExitCalls } from "./exit-calls.js";
import { exitRegisterMask, ThreadEnd, threadEnd } from "./exit-status.js";
import type { ProcessCacheEvents } from "./process-events.js";
import { noOrigin, originOf } from "./task.js";
import type { TaskTracker } from "./task-tracker.js";

export interface TaskProbesInit {
  monitor: EventMonitor;
  tracker: TaskTracker;
  /** Where what the tracker makes of the records goes. */
  events: ProcessCacheEvents;
  /** How arguments are fetched that a record does not hold. */
  rest: ExecRestOptions;
  /** What is registered beside fork, exec and exit, to be on before them. Gives the names of what the kernel lacks. */
  more: (group: EventGroup) => Promise<readonly string[]>;
  /** Bytes of user stack in an exec's record. */
  stackSize: number;
  /** Bytes of the ring that these records have to themselves on each CPU. */
  stackRingSize: number;
}

/** What was registered, and what this kernel does not offer. */
export interface TaskProbes {
  readonly group: EventGroup;
  /** Names of tracepoints that are missing; what they would tell is not known then. */
  readonly missing: readonly string[];
}

/** Signals whose default action is to end the process: all but CHLD, CONT, the stop signals, URG and WINCH (signal(7)). */
const FATAL = "(sig < 17 || sig > 23) && sig != 28";
/** What tells a parent that a signal ended its child: SIGCHLD with CLD_KILLED or CLD_DUMPED (siginfo.h). */
const SIGCHLD = 17;
const CLD_DUMPED = 3;
const TOLD = "(sig == 17 && (code == 2 || code == 3))";
/** TRACE_SIGNAL_DELIVERED and TRACE_SIGNAL_LOSE_INFO (include/trace/events/signal.h). */
const SENT = "(result == 0 || result == 4)";

/** Registers what the kernel tells of tasks, all of it before any of it is on. What was registered stays only if all was. */
export async function registerTaskProbes(init: TaskProbesInit): Promise<TaskProbes> {
  const group = init.monitor.createGroup();
  try {
    const missing = await registerAll(init, group);
    await init.monitor.enable(group);
    return { group, missing };
  } catch (error) {
    await init.monitor.unregister(group);
    throw error;
  }
}

/**
 * What comes last in a process's life is registered first, and enabled in that order: where a beginning is seen, nothing
 * after it is missing.
 */
async function registerAll(init: TaskProbesInit, group: EventGroup): Promise<string[]> {
  const missing: string[] = [];
  const optional = async (name: string, register: () => Promise<unknown>) => {
    try {
      await register();
    } catch (error) {
      if (!(error instanceof PerfError && error.code === "not_found")) throw error;
      missing.push(name);
    }
  };
  await registerExit(init, group);
  await optional("signal/signal_deliver", () => registerDeliver(init, group));
  await optional("signal/signal_generate", () => registerGenerate(init, group));
  await optional("task/task_rename", () => registerRename(init, group));
  init.tracker.namesFromExec = missing.includes("task/task_rename");
  missing.push(...(await init.more(group)));
  await registerExec(init, group);
  await registerFork(init, group);
  return missing;
}

function registerFork(init: TaskProbesInit, group: EventGroup): Promise<EventId> {
  const { monitor, tracker, events } = init;
  return monitor.registerTracepoint<{ pid: number; comm: string; clone_flags: number }>(
    "task/task_newtask",
    (record, data) => {
      const event = tracker.forked(record, data.pid, data.comm, Number(data.clone_flags));
      enqueueSettled(init);
      monitor.enqueueExternalSample(events.fork, record, event);
    },
    { group, enabled: false, sample: { cgroup: true } },
  );
}

function registerRename({ monitor, tracker, events }: TaskProbesInit, group: EventGroup): Promise<EventId> {
  return monitor.registerTracepoint<{ pid: number; newcomm: string }>(
    "task/task_rename",
    (record, data) => {
      monitor.enqueueExternalSample(events.update, record, tracker.renamed(data.pid, data.newcomm));
    },
    { group, enabled: false },
  );
}

function registerGenerate(init: TaskProbesInit, group: EventGroup): Promise<EventId> {
  const { monitor, tracker } = init;
  return monitor.registerTracepoint<{ sig: number; code: number; pid: number }>(
    "signal/signal_generate",
    (record, data) => {
      if (data.sig !== SIGCHLD) tracker.signalSent(record, data.pid, data.sig);
      else tracker.parentTold(record, data.code === CLD_DUMPED);
      enqueueSettled(init);
    },
    { group, enabled: false, filter: `(${FATAL} && ${SENT}) || ${TOLD}` },
  );
}

function registerDeliver({ monitor, tracker }: TaskProbesInit, group: EventGroup): Promise<EventId> {
  return monitor.registerTracepoint<{ sig: number }>(
    "signal/signal_deliver",
    (record, data) => tracker.signalTaken(record, data.sig),
    { group, enabled: false, filter: `${FATAL} && sa_handler == 0` },
  );
}

/** Hands on the ends that could not be told when they were seen, under the sample of that time. */
export function enqueueSettled({
  monitor,
  tracker,
  events,
}: Pick<TaskProbesInit, "monitor" | "tracker" | "events">): void {
  for (const { event, ticket } of tracker.takeSettled()) {
    monitor.enqueueExternalSample(events.exit, ticket as SampleId, event);
  }
}

/** Exec: the user stack holds the arguments; urgent, because what it does not hold must be read before the process ends. */
async function registerExec(init: TaskProbesInit, group: EventGroup): Promise<void> {
  const { monitor, tracker, events, rest } = init;
  const register = stackPointerRegister();
  const views = new StackViews();
  await monitor.registerTracepoint<{ filename: string; pid: number; old_pid: number }>(
    "sched/sched_process_exec",
    (record, data) => {
      const read = readExec(record, register, data.pid, rest, views);
      const facts = { pid: data.pid, oldPid: data.old_pid, filename: data.filename, ...read };
      monitor.enqueueExternalSample(events.exec, record, tracker.executed(record, facts));
    },
    {
      group,
      enabled: false,
      urgent: true,
      ringSize: init.stackRingSize,
      completeStack: register !== undefined,
      sample: {
        cgroup: true,
        ...(register === undefined ? {} : { userRegisters: 1n << BigInt(register), userStack: init.stackSize }),
      },
    },
  );
}

async function registerExit(init: TaskProbesInit, group: EventGroup): Promise<void> {
  const { monitor, tracker, events } = init;
  let tellsGroup = false;
  let calls: ExitCallEvents | undefined;
  const mask = exitRegisterMask();
  const id = await monitor.registerTracepoint<{ comm: string; group_dead?: number | boolean }>(
    "sched/sched_process_exit",
    (record, data) => {
      const groupDead = tellsGroup ? Boolean(data.group_dead) : undefined;
      let end = threadEnd(record);
      if (end !== ThreadEnd.UNKNOWN) calls?.notNeeded();
      else if (calls !== undefined) end = calls.take(record.tid);
      const event = tracker.exited(record, { command: data.comm, end, groupDead }, () => record.sampleId());
      if (event !== undefined) monitor.enqueueExternalSample(events.exit, record, event);
    },
    { group, enabled: false, sample: { cgroup: true, ...(mask === 0 ? {} : { userRegisters: mask }) } },
  );
  tellsGroup = monitor.fields(id).some(({ name }) => name === "group_dead");
  // Where the group is told the registers are there: both are of 6.16.
  if (!tellsGroup) calls = await registerExitCalls(monitor, group);
}

interface ExitCallEvents {
  take(tid: number): number;
  /** The registers are there after all: every other system call of the host need not pay for these events. */
  notNeeded(): void;
}

async function registerExitCalls(monitor: EventMonitor, group: EventGroup): Promise<ExitCallEvents | undefined> {
  const calls = new ExitCalls();
  const ids: EventId[] = [];
  for (const name of ["syscalls/sys_enter_exit", "syscalls/sys_enter_exit_group"]) {
    try {
      const remember = (record: SampleRecord, data: { error_code: number }) =>
        calls.called(record.tid, data.error_code);
      ids.push(await monitor.registerTracepoint<{ error_code: number }>(name, remember, { group, enabled: false }));
    } catch (error) {
      // Without CONFIG_FTRACE_SYSCALLS the status is not known.
      if (!(error instanceof PerfError && error.code === "not_found")) throw error;
      for (const id of ids) await monitor.unregister(id);
      return undefined;
    }
  }
  return {
    take: (tid) => calls.take(tid),
    notNeeded: () => {
      for (const id of ids.splice(0)) monitor.unregister(id).catch(() => {});
    },
  };
}

function readExec(
  record: SampleRecord,
  register: number | undefined,
  pid: number,
  rest: ExecRestOptions,
  views: StackViews,
) {
  const pointer = register === undefined ? undefined : record.userRegister(register);
  const stack = record.userStack;
  if (pointer === undefined || stack === undefined) return { args: nothing, ids: undefined, startStack: undefined };
  const abi = record.userRegistersAbi;
  const address = abi === RegistersAbi.BITS_32 ? pointer & 0xffff_ffffn : pointer;
  const parsed = parseExecStack(stack, address, abi, views);
  const args = execArguments(parsed, pid, address, rest);
  // Read before the program ran, yet not by the kernel.
  const { source, complete } = args.origin;
  const isRead = source === "tracepoint" && record.userStackRead;
  return {
    args: isRead ? { ...args, origin: originOf("memory", complete) } : args,
    ids: parsed.ids,
    startStack: address,
  };
}

const nothing: ExecArguments = { argv: [], truncated: true, origin: noOrigin };

function stackPointerRegister(): number | undefined {
  return Object.hasOwn(UserRegister, process.arch)
    ? UserRegister[process.arch as keyof typeof UserRegister].SP
    : undefined;
}
