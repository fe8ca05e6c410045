import type { ExternalSample } from "@kernscope/perf";
import type {
  OriginSource,
  ProcessExecEvent,
  ProcessExitEvent,
  ProcessForkEvent,
  ProcessInfoCache,
  ProcessUpdateEvent,
} from "@kernscope/process-cache";
import type { EventKind } from "../event-kinds.js";
import { type FieldTable, field } from "../field-table.js";
import type { KernelSupport } from "../kernel-support.js";
import { ProcessEventType, type ProcessPayload } from "../payload.js";
import type { PlainFilter } from "../subscription-request.js";
import type { CloseEvents, EventFamily, EventSink, FamilyContext, KernelPart } from "./family.js";

const fields: Readonly<Record<string, FieldTable>> = {
  "process.fork": {
    fork_child_pid: field<ProcessPayload>("int32", ({ forkChildPid }) => forkChildPid),
    fork_child_id: field<ProcessPayload>("string", ({ forkChildId }) => forkChildId),
  },
  "process.exec": { filename: field<ProcessPayload>("string", ({ execFilename }) => execFilename) },
  "process.exit": {
    code: field<ProcessPayload>("int32", ({ exitCode }) => exitCode),
    exit_status: field<ProcessPayload>("uint32", ({ exitStatus }) => exitStatus),
    exit_signal: field<ProcessPayload>("uint32", ({ exitSignal }) => exitSignal),
    exit_core_dumped: field<ProcessPayload>("bool", ({ exitCoreDumped, exitCoreDumpedUnknown }) =>
      exitCoreDumpedUnknown ? undefined : exitCoreDumped,
    ),
  },
  "process.update": { cwd: field<ProcessPayload>("string", ({ updateCwd }) => updateCwd) },
};

/** Process events come from the process cache, which has put what several kernel events say together. */
export const processEvents: EventFamily<PlainFilter> = {
  kinds: ["process.fork", "process.exec", "process.exit", "process.update"],
  fields: ({ kind }) => fields[kind]!,
  async service(kind, kernel) {
    if (kind === "process.update") {
      const { parts, lack, remedies } = await directoryMeans(kernel);
      return { sources: parts.map(({ event }) => event), lacks: [lack], remedies };
    }
    const sources = tracepoints[kind]!.filter((name) => kernel.hasTracepoint(name));
    return { sources, lacks: kind === "process.fork" ? [noStackStart] : [], remedies: [] };
  },
  async plan({ kind, where }, kernel) {
    const means = kind === "process.update" ? await directoryMeans(kernel) : undefined;
    return {
      key: kind,
      why: "the event is put together in the sensor, from several of the kernel's records",
      kernel: means?.parts ?? tracepoints[kind]!.map((event) => ({ event, filter: "" })),
      rest: where,
      lacks: means === undefined ? [] : [`${kind}: ${means.lack}`],
      open: (context, sink) => open(kind, context, sink),
    };
  },
};

/** The stack is in the registers of clone(2), in the memory of clone3(2), and none of fork(2): they look alike here. */
const noStackStart = "the address of the child's stack (fork_stack_start) is not known";

/** By what the process cache learns of a new directory: what has changed, it reads from /proc. */
async function directoryMeans(
  kernel: KernelSupport,
): Promise<{ parts: readonly KernelPart[]; lack: string; remedies: readonly string[] }> {
  const late =
    "directories are read from /proc after the change: a later one can be told, and of tasks that end at once none";
  if ((await kernel.findFunction(["set_fs_pwd"])) !== undefined) {
    return { parts: [{ event: "kretprobe:set_fs_pwd", filter: "" }], lack: late, remedies: [] };
  }
  const calls = ["syscalls/sys_exit_chdir", "syscalls/sys_exit_fchdir"].filter((name) => kernel.hasTracepoint(name));
  const parts = calls.map((event) => ({ event, filter: "ret == 0" }));
  const lack = kernel.hasCompatCalls ? `${late}; changes by 32-bit calls are not seen` : late;
  return { parts, lack, remedies: ["a kernel with kprobes (CONFIG_KPROBE_EVENTS)"] };
}

const tracepoints: Readonly<Record<string, readonly string[]>> = {
  "process.fork": ["task/task_newtask"],
  "process.exec": ["sched/sched_process_exec"],
  "process.exit": ["sched/sched_process_exit", "signal/signal_generate", "signal/signal_deliver"],
};

function open(kind: EventKind, { monitor, processCache }: FamilyContext, sink: EventSink) {
  switch (kind) {
    case "process.fork":
      return monitor.addHandler(processCache.forkEventId, onFork(sink));
    case "process.exec":
      return monitor.addHandler(processCache.execEventId, onExec(sink));
    case "process.exit":
      return monitor.addHandler(processCache.exitEventId, onExit(sink));
    default:
      return openUpdate(processCache, monitor.addHandler(processCache.updateEventId, onUpdate(sink)));
  }
}

function onFork(sink: EventSink) {
  return (sample: ExternalSample, { task, childTask, cloneFlags }: ProcessForkEvent) => {
    // A new thread is no new process.
    if (!childTask.isLeader || !sink.wants(sample.cgroup)) return;
    const value: ProcessPayload = {
      type: ProcessEventType.FORK,
      forkChildPid: childTask.pid,
      forkChildId: childTask.processId,
      forkCloneFlags: cloneFlags,
    };
    sink.emit(sample, task, { case: "process", value });
  };
}

/** Origins of arguments that the kernel's event did not hold. */
const readLater: ReadonlySet<OriginSource> = new Set<OriginSource>(["memory", "procfs"]);

function onExec(sink: EventSink) {
  return (sample: ExternalSample, { task, filename, commandLine, truncated }: ProcessExecEvent) => {
    if (!sink.wants(sample.cgroup)) return;
    const value: ProcessPayload = {
      type: ProcessEventType.EXEC,
      execFilename: filename,
      execCommandLine: commandLine,
      execCommandLineTruncated: truncated,
      execCommandLineFromMemory: readLater.has(task.origin("commandLine").source),
    };
    sink.emit(sample, task, { case: "process", value });
  };
}

function onExit(sink: EventSink) {
  return (sample: ExternalSample, { task, status, code, signal, coreDumped }: ProcessExitEvent) => {
    if (!sink.wants(sample.cgroup)) return;
    const value: ProcessPayload =
      status === undefined
        ? { type: ProcessEventType.EXIT, exitStatusUnknown: true }
        : {
            type: ProcessEventType.EXIT,
            exitCode: status,
            exitStatus: code ?? 0,
            exitSignal: signal ?? 0,
            exitCoreDumped: coreDumped ?? false,
            // Only a signal can have dumped core.
            exitCoreDumpedUnknown: coreDumped === undefined && (signal ?? 0) !== 0,
          };
    sink.emit(sample, task, { case: "process", value });
  };
}

function onUpdate(sink: EventSink) {
  return (sample: ExternalSample, { task, field: changed, cwd }: ProcessUpdateEvent) => {
    if (changed !== "cwd" || cwd === undefined || !sink.wants(sample.cgroup)) return;
    sink.emit(sample, task, { case: "process", value: { type: ProcessEventType.UPDATE, updateCwd: cwd } });
  };
}

/** Working directories are followed while somebody wants to know. */
async function openUpdate(processCache: ProcessInfoCache, removeHandler: () => void): Promise<CloseEvents> {
  try {
    const following = await processCache.follow("cwd");
    return () => {
      removeHandler();
      return following.release();
    };
  } catch (error) {
    removeHandler();
    throw error;
  }
}
