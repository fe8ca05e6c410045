import type { EventMonitor } from "@kernscope/perf";
import { FakeKernel, type FakeKernelOptions } from "@kernscope/perf/testing";
import type { ProcessCacheOptions } from "./cache-parts.js";
import { ProcessInfoCache } from "./process-cache.js";
import type { ProcessExecEvent, ProcessExitEvent, ProcessForkEvent, ProcessUpdateEvent } from "./process-events.js";
import { cgroupFormats } from "./testing/formats.js";
import { execSample, exitSample, FakeProc } from "./testing/index.js";

export interface CacheBed {
  kernel: FakeKernel;
  proc: FakeProc;
  monitor: EventMonitor;
  cache: ProcessInfoCache;
  /** One line for each external event. */
  seen: string[];
  execs: ProcessExecEvent[];
  updates: ProcessUpdateEvent[];
  exits: ProcessExitEvent[];
  fork(parent: number, child: number, flags?: number): void;
  exec(pid: number, argv: string[], oldPid?: number): void;
  exit(pid: number, code: number | undefined, more?: { tid?: number; group_dead?: boolean }): void;
}

/** Runs `body` with a cache on a kernel (without kprobes if not told otherwise) and a /proc with init and a shell (pid 10); all is given back after it. */
export function withCache(
  body: (bed: CacheBed) => Promise<void> | void,
  options: { cache?: ProcessCacheOptions; kernel?: FakeKernelOptions; populate?: (proc: FakeProc) => void } = {},
) {
  return async () => {
    using proc = new FakeProc();
    proc.add(1, { parentPid: 0, command: "init" });
    proc.add(10, { command: "sh", argv: ["/bin/sh", "-i"], uid: 1000, cgroup: "/user" });
    options.populate?.(proc);
    const kernel = new FakeKernel({
      functions: [],
      ...options.kernel,
      formats: { ...cgroupFormats, ...options.kernel?.formats },
    });
    await using monitor = await kernel.openMonitor({ lossInterval: 1 });
    await using cache = await ProcessInfoCache.open(monitor, { procRoot: proc.root, ...options.cache });
    const exitFormat = kernel.tracing.formatOf("sched/sched_process_exit");
    const seen: string[] = [];
    const execs: ProcessExecEvent[] = [];
    const exits: ProcessExitEvent[] = [];
    monitor.addHandler<ProcessForkEvent>(cache.forkEventId, (_, { task, childTask }) => {
      seen.push(`fork ${task.pid} ${childTask.pid}`);
    });
    monitor.addHandler<ProcessExecEvent>(cache.execEventId, (_, event) => {
      seen.push(`exec ${event.task.pid} ${event.filename}`);
      execs.push(event);
    });
    monitor.addHandler<ProcessExitEvent>(cache.exitEventId, (_, event) => {
      seen.push(`exit ${event.task.pid} ${event.status}`);
      exits.push(event);
    });
    const updates: ProcessUpdateEvent[] = [];
    monitor.addHandler<ProcessUpdateEvent>(cache.updateEventId, (_, event) => {
      seen.push(`update ${event.task.pid} ${event.field}`);
      updates.push(event);
    });
    const running = monitor.run();
    await cache.ready;
    await body({
      kernel,
      proc,
      monitor,
      cache,
      seen,
      execs,
      updates,
      exits,
      fork: (parent, child, flags = 0) =>
        void kernel.emit("task/task_newtask", { pid: child, comm: "sh", clone_flags: flags }, { pid: parent }),
      exec: (pid, argv, oldPid = pid) =>
        void kernel.emit(
          "sched/sched_process_exec",
          { filename: argv[0] ?? "", pid, old_pid: oldPid },
          { pid, sample: execSample({ argv, ids: [1000, 1000, 1000, 1000, 0] }) },
        ),
      exit: (pid, code, { tid = pid, group_dead = true } = {}) =>
        void kernel.emit(
          "sched/sched_process_exit",
          { comm: "x", pid: tid, ...(exitFormat.includes("group_dead") && { group_dead: group_dead ? 1 : 0 }) },
          { pid, tid, sample: exitSample(code) },
        ),
    });
    await monitor.stop();
    await running;
  };
}
