import type { ExternalSample } from "@kernscope/perf";
import type { ProcessExecEvent, ProcessExitEvent, ProcessForkEvent } from "@kernscope/process-cache";
import { ProcessEventType, type ProcessPayload } from "../event.js";
import type { EventFamily, EventSink, FamilyContext } from "./family.js";

/** Process events come from the process cache, which has put what several kernel events say together. */
export const processEvents: EventFamily = {
  kinds: ["process.fork", "process.exec", "process.exit"],
  open(kind, context, sink) {
    const { monitor, processCache } = context;
    switch (kind) {
      case "process.fork":
        return monitor.addHandler(processCache.forkEventId, onFork(context, sink));
      case "process.exec":
        return monitor.addHandler(processCache.execEventId, onExec(context, sink));
      default:
        return monitor.addHandler(processCache.exitEventId, onExit(context, sink));
    }
  },
};

function onFork({ envelope, isOwn }: FamilyContext, sink: EventSink) {
  return (sample: ExternalSample, { task, childTask, cloneFlags }: ProcessForkEvent) => {
    // A new thread is no new process.
    if (!childTask.isLeader || isOwn(task)) return;
    const value: ProcessPayload = {
      type: ProcessEventType.FORK,
      forkChildPid: childTask.pid,
      forkChildId: childTask.processId,
      forkCloneFlags: cloneFlags,
    };
    sink(envelope.ofTask(sample, task, { case: "process", value }));
  };
}

function onExec({ envelope, isOwn }: FamilyContext, sink: EventSink) {
  return (sample: ExternalSample, { task, filename, commandLine, truncated }: ProcessExecEvent) => {
    if (isOwn(task)) return;
    const value: ProcessPayload = {
      type: ProcessEventType.EXEC,
      execFilename: filename,
      execCommandLine: commandLine,
      execCommandLineTruncated: truncated,
    };
    sink(envelope.ofTask(sample, task, { case: "process", value }));
  };
}

function onExit({ envelope, isOwn }: FamilyContext, sink: EventSink) {
  return (sample: ExternalSample, { task, status, code, signal, coreDumped }: ProcessExitEvent) => {
    if (isOwn(task)) return;
    const value: ProcessPayload = {
      type: ProcessEventType.EXIT,
      ...(status === undefined
        ? { exitStatusUnknown: true }
        : {
            exitCode: status,
            exitStatus: code ?? 0,
            exitSignal: signal ?? 0,
            exitCoreDumped: coreDumped ?? false,
            // Only a signal can have dumped core.
            exitCoreDumpedUnknown: coreDumped === undefined && (signal ?? 0) !== 0,
          }),
    };
    sink(envelope.ofTask(sample, task, { case: "process", value }));
  };
}
