import { release } from "node:os";
import { type EventGroup, type EventId, type EventMonitor, readProcessMemory } from "@kernscope/perf";
import { CredPool } from "./credentials.js";
import { ProcessCacheError } from "./errors.js";
import { scanProcesses } from "./proc-scan.js";
import { endMissing } from "./proc-sweep.js";
import { ProcSystem } from "./proc-system.js";
import type {
  ProcessCacheEvents,
  ProcessExecEvent,
  ProcessExitEvent,
  ProcessForkEvent,
  ProcessUpdateEvent,
} from "./process-events.js";
import { ProcessIds } from "./process-id.js";
import { Procfs } from "./procfs.js";
import type { Task, TaskContainer } from "./task.js";
import type { TaskEntry } from "./task-entry.js";
import { TaskFinder } from "./task-finder.js";
import { enqueueSettled, registerTaskProbes } from "./task-probes.js";
import { TaskTable, type TaskTableStats } from "./task-table.js";
import { TaskTracker } from "./task-tracker.js";

export interface ProcessCacheOptions {
  /** Where /proc is mounted. Default `/proc`. */
  procRoot?: string;
  /** Ended tasks that are kept, at most. Default 32,768. */
  maxExited?: number;
  /** Milliseconds for which an ended task should be found by late records; giving it up earlier is counted. Default 5,000. */
  grace?: number;
  /** Bytes of a command line at most; a longer one is cut and says so. Default 256 KiB. */
  maxArguments?: number;
  /** Milliseconds of the scan of /proc at a time, between which records are handled. Default 4. */
  scanSlice?: number;
  /** Bytes of an exec's user stack that are sampled: a multiple of 8 below 65,536. Default 16,384. */
  stackSize?: number;
  /** Bytes of the ring that exec has to itself on each CPU: a page count that is a power of two. Default 8 MiB. */
  stackRingSize?: number;
  /** Tells which container a process runs in. */
  containerOf?: (task: Task) => TaskContainer | undefined;
}

export interface ProcessCacheStats extends TaskTableStats {
  /** How often /proc was read for a task: by the scan, and for tasks that no event had told of. */
  procReads: number;
  /** How often it did not know the task. */
  procMisses: number;
  /** Execs whose arguments are incomplete. */
  truncatedExecs: number;
  /** Tasks that ended unseen and were found to be gone. */
  swept: number;
}

/** Milliseconds that the end of a process waits for records that are still to come. */
const SETTLE_TIME = 500;
/** Milliseconds between two sweeps at least. */
const SWEEP_PAUSE = 5000;

/**
 * Knows all tasks of the host, as of the record that the monitor is handing out: handlers that are registered after the
 * cache was opened find what was true at that moment. It registers its own events at the monitor, and publishes what it
 * learns as external events in the same stream.
 */
export class ProcessInfoCache implements AsyncDisposable {
  /** A task was made: {@link ProcessForkEvent}. */
  readonly forkEventId: EventId;
  /** A process executes a new program: {@link ProcessExecEvent}. */
  readonly execEventId: EventId;
  /** A process ended: {@link ProcessExitEvent}. */
  readonly exitEventId: EventId;
  /** Something else about a task changed: {@link ProcessUpdateEvent}. */
  readonly updateEventId: EventId;
  /**
   * Resolves when all processes that lived before the cache was opened have been taken in. Lookups are right before that,
   * but slower. It never rejects.
   */
  readonly ready: Promise<void>;
  /** Tracepoints that this kernel lacks: without the `signal/` ones the signal that ended a process is not known. */
  readonly missing: readonly string[];
  readonly #parts: Parts;
  readonly #events: ProcessCacheEvents;
  readonly #group: EventGroup;
  readonly #abort = new AbortController();
  readonly #removals: (() => void)[] = [];
  #timer: NodeJS.Timeout | undefined;
  #sweeping: Promise<void> | undefined;
  #lastSweep = Number.NEGATIVE_INFINITY;
  #swept = 0;
  #truncated = 0;
  #closing: Promise<void> | undefined;

  /**
   * Registers the events and starts to read /proc. The monitor need not run yet; what happens from now on waits in its
   * rings until it does.
   */
  static async open(monitor: EventMonitor, options: ProcessCacheOptions = {}): Promise<ProcessInfoCache> {
    checkOptions(options);
    const parts = build(monitor, options);
    const events: ProcessCacheEvents = {
      fork: monitor.registerExternalEvent<ProcessForkEvent>("process/fork"),
      exec: monitor.registerExternalEvent<ProcessExecEvent>("process/exec"),
      exit: monitor.registerExternalEvent<ProcessExitEvent>("process/exit"),
      update: monitor.registerExternalEvent<ProcessUpdateEvent>("process/update"),
    };
    try {
      const { group, missing } = await registerTaskProbes({
        monitor,
        tracker: parts.tracker,
        events,
        rest: { procfs: parts.procfs, readMemory: readProcessMemory, limit: parts.limit },
        stackSize: options.stackSize ?? 16_384,
        stackRingSize: options.stackRingSize ?? 8 << 20,
      });
      return new ProcessInfoCache(parts, events, group, missing);
    } catch (error) {
      for (const id of Object.values(events)) await monitor.unregister(id);
      throw error;
    }
  }

  private constructor(parts: Parts, events: ProcessCacheEvents, group: EventGroup, missing: readonly string[]) {
    this.#parts = parts;
    this.#group = group;
    this.#events = events;
    this.missing = missing;
    this.forkEventId = events.fork;
    this.execEventId = events.exec;
    this.exitEventId = events.exit;
    this.updateEventId = events.update;
    const { monitor, procfs, finder, slice } = parts;
    this.ready = scanProcesses(procfs, finder, { slice, signal: this.#abort.signal }).then(() => {});
    const countTruncated = (_sample: unknown, event: ProcessExecEvent) => {
      if (event.truncated) this.#truncated++;
    };
    this.#removals.push(
      monitor.addHandler<ProcessExecEvent>(events.exec, countTruncated),
      monitor.onBatchEnd(() => this.#settleLater()),
      monitor.onLoss(() => this.#sweepLater()),
    );
  }

  /** The task that a pid (the kernel's: a thread's id) means; one that knows nothing but its pid where nobody knows more. */
  lookupTask(pid: number): Task {
    return this.#parts.finder.lookup(pid);
  }

  /** The task and the one that stands for its process. */
  lookupTaskAndLeader(pid: number): { task: Task; leader: Task } {
    const task = this.#parts.finder.lookup(pid);
    return { task, leader: task.leader };
  }

  /** The task that had a pid at a time (ns, as `record.elapsed`), as far as it is still known; else as {@link lookupTask}. */
  lookup(pid: number, { at }: { at?: number } = {}): Task {
    const { finder } = this.#parts;
    return (at === undefined ? undefined : finder.table.getAt(pid, at)) ?? finder.lookup(pid);
  }

  /** Asks the lookup function that the cache was given for the container of a task, and remembers its answer in the task. */
  lookupTaskContainerInfo(task: Task): TaskContainer | undefined {
    const { containerOf } = this.#parts;
    const leader = task.leader as TaskEntry;
    if (containerOf !== undefined) leader.container = containerOf(leader);
    return leader.container;
  }

  /** The processes that led to this one, the parent first, as far as they are still known. */
  ancestors(task: Task, limit = 64): Task[] {
    const found: Task[] = [];
    for (let next = task.parent; next !== undefined && found.length < limit; next = next.parent) found.push(next);
    return found;
  }

  /** The threads of a task's process that live, the leader first. */
  threads(task: Task): Task[] {
    const leader = task.leader as TaskEntry;
    return [...(leader.ended ? [] : [leader]), ...(leader.threads ?? [])];
  }

  stats(): ProcessCacheStats {
    const { finder, system } = this.#parts;
    return {
      ...finder.table.stats(),
      procReads: system.stats.reads,
      procMisses: system.stats.misses,
      truncatedExecs: this.#truncated,
      swept: this.#swept,
    };
  }

  /** Gives everything back that was registered at the monitor, which stays open. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    this.#abort.abort();
    clearTimeout(this.#timer);
    for (const remove of this.#removals) remove();
    await Promise.all([this.ready, this.#sweeping]);
    const { monitor } = this.#parts;
    await monitor.unregister(this.#group);
    for (const id of [this.forkEventId, this.execEventId, this.exitEventId, this.updateEventId]) {
      await monitor.unregister(id);
    }
  }

  /** Makes the events of processes that ended although not all that would tell more was seen. */
  #settleLater(): void {
    const { monitor, tracker } = this.#parts;
    if (tracker.isSettled) return;
    tracker.settle(monitor.clock.now() - SETTLE_TIME * 1e6);
    enqueueSettled({ monitor, tracker, events: this.#events });
    if (tracker.isSettled || this.#timer !== undefined) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#settleLater();
    }, SETTLE_TIME);
    this.#timer.unref();
  }

  /** Records were lost: some of them may have told of a task's end. */
  #sweepLater(): void {
    const now = performance.now();
    if (this.#sweeping !== undefined || now - this.#lastSweep < SWEEP_PAUSE) return;
    this.#lastSweep = now;
    const { procfs, finder, slice } = this.#parts;
    this.#sweeping = endMissing(procfs, finder, { slice, signal: this.#abort.signal }).then((count) => {
      this.#swept += count;
      this.#sweeping = undefined;
    });
  }
}

interface Parts {
  monitor: EventMonitor;
  procfs: Procfs;
  system: ProcSystem;
  finder: TaskFinder;
  tracker: TaskTracker;
  limit: number;
  slice: number;
  containerOf: ProcessCacheOptions["containerOf"];
}

function build(monitor: EventMonitor, options: ProcessCacheOptions): Parts {
  const procfs = new Procfs(options.procRoot);
  const bootId = procfs.bootId();
  if (bootId === undefined) {
    throw new ProcessCacheError(
      "unsupported",
      `open(${procfs.root}): cannot read sys/kernel/random/boot_id – proc(5) must be mounted there`,
    );
  }
  const limit = options.maxArguments ?? 256 << 10;
  const system = new ProcSystem(procfs, limit);
  const table = new TaskTable({ maxExited: options.maxExited ?? 32_768, grace: (options.grace ?? 5000) * 1e6 });
  const { clock } = monitor;
  const finder = new TaskFinder({ table, system, clock, ids: new ProcessIds(bootId), creds: new CredPool() });
  const tracker = new TaskTracker(finder, Number.parseInt(release(), 10) < 6);
  const { containerOf, scanSlice: slice = 4 } = options;
  return { monitor, procfs, system, finder, tracker, limit, slice, containerOf };
}

function checkOptions(options: ProcessCacheOptions): void {
  const lowest = { maxExited: 0, grace: 0, maxArguments: 1, scanSlice: 0 } as const;
  for (const [name, least] of Object.entries(lowest)) {
    const value = options[name as keyof typeof lowest];
    if (value !== undefined && !(value >= least && value < 2 ** 31)) {
      throw new ProcessCacheError("invalid", `open(${name}): ${value} – must be a number from ${least} to 2^31 − 1`);
    }
  }
}
