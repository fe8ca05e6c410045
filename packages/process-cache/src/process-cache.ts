import { type EventGroup, type EventId, type EventMonitor, readProcessMemory } from "@kernscope/perf";
import { buildParts, type CacheParts, checkOptions, type ProcessCacheOptions } from "./cache-parts.js";
import type { CgroupPaths } from "./cgroup-paths.js";
import { registerCgroups, registerCredsProbe, registerDirectoryProbe } from "./change-probes.js";
import { type FieldSource, fieldSources } from "./field-sources.js";
import { type FollowedField, Follower, type Following, type FollowOptions } from "./follower.js";
import { scanProcesses } from "./proc-scan.js";
import { endMissing } from "./proc-sweep.js";
import type {
  ProcessCacheEvents,
  ProcessExecEvent,
  ProcessExitEvent,
  ProcessForkEvent,
  ProcessUpdateEvent,
} from "./process-events.js";
import type { Task, TaskContainer } from "./task.js";
import type { TaskEntry } from "./task-entry.js";
import { enqueueSettled, registerTaskProbes } from "./task-probes.js";
import type { TaskTableStats } from "./task-table.js";

export interface ProcessCacheStats extends TaskTableStats {
  /** How often /proc was read for a task: by the scan, and for tasks that no event had told of. */
  procReads: number;
  /** How often it did not know the task. */
  procMisses: number;
  /** Execs whose arguments are incomplete. */
  truncatedExecs: number;
  /** Tasks that ended unseen and were found to be gone. */
  swept: number;
  /** Changes of credentials or directory that were seen, of tasks that were gone when /proc was asked what they were. */
  missedChanges: number;
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
  /** Ids and paths of the cgroups of {@link Task.cgroup}'s hierarchy, kept up to date. */
  readonly cgroups: CgroupPaths;
  readonly #parts: CacheParts;
  readonly #follower: Follower;
  readonly #events: ProcessCacheEvents;
  readonly #group: EventGroup;
  readonly #removals: (() => void)[] = [];
  #timer: NodeJS.Timeout | undefined;
  #sweeping: Promise<void> | undefined;
  #sweepTimer: NodeJS.Timeout | undefined;
  #sweepAgain = false;
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
    const parts = buildParts(monitor, options);
    const events: ProcessCacheEvents = {
      fork: monitor.registerExternalEvent<ProcessForkEvent>("process/fork"),
      exec: monitor.registerExternalEvent<ProcessExecEvent>("process/exec"),
      exit: monitor.registerExternalEvent<ProcessExitEvent>("process/exit"),
      update: monitor.registerExternalEvent<ProcessUpdateEvent>("process/update"),
    };
    const { finder, changes } = parts;
    const follower = new Follower({ monitor, changes, events, finder, refresh: parts.refresh });
    try {
      const { group, missing } = await registerTaskProbes({
        monitor,
        tracker: parts.tracker,
        events,
        rest: { procfs: parts.procfs, readMemory: readProcessMemory, limit: parts.limit },
        more: (group) => registerChanges(parts, events, follower, group),
        stackSize: options.stackSize ?? 16_384,
        stackRingSize: options.stackRingSize ?? 8 << 20,
      });
      const cache = new ProcessInfoCache(parts, events, follower, group, missing);
      try {
        for (const field of options.follow ?? []) await follower.follow(field, {});
        return cache;
      } catch (error) {
        await cache.close();
        throw error;
      }
    } catch (error) {
      for (const id of Object.values(events)) await monitor.unregister(id);
      throw error;
    }
  }

  private constructor(
    parts: CacheParts,
    events: ProcessCacheEvents,
    follower: Follower,
    group: EventGroup,
    missing: readonly string[],
  ) {
    this.#parts = parts;
    this.#follower = follower;
    this.#group = group;
    this.#events = events;
    this.missing = missing;
    this.forkEventId = events.fork;
    this.execEventId = events.exec;
    this.exitEventId = events.exit;
    this.updateEventId = events.update;
    const { monitor, finder, slice, abort } = parts;
    this.cgroups = finder.cgroups;
    const scan = { slice, signal: abort.signal };
    this.ready = finder.cgroups.scan(scan).then(async () => void (await scanProcesses(finder, scan)));
    const countTruncated = (_sample: unknown, event: ProcessExecEvent) => {
      if (event.truncated) this.#truncated++;
    };
    this.#removals.push(
      monitor.addHandler<ProcessExecEvent>(events.exec, countTruncated),
      monitor.onBatchEnd(() => this.#settleLater()),
      monitor.onStop(() => this.#settle(Number.POSITIVE_INFINITY)),
      monitor.onLoss(() => this.#sweepLater()),
    );
  }

  /**
   * Goes up with each change of the command, executable, parent or process id of any task: while it stays, so does what was
   * read of a task and its ancestors.
   */
  get lineageVersion(): number {
    return this.#parts.finder.lineageVersion;
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

  /**
   * Has changes of a value followed until that is given back, starting with what it is by now for every task. Kernel probes
   * do that in any case; without them the kernel has to tell of system calls, of which each other one costs 0.03 to 0.06 µs
   * more then.
   *
   * @throws ProcessCacheError `unsupported` where the kernel offers neither; PerfError
   */
  follow(field: FollowedField, options: FollowOptions = {}): Promise<Following> {
    return this.#follower.follow(field, options);
  }

  /** How each value that has a best source and others is kept up to date now. */
  sources(): FieldSource[] {
    return fieldSources(this.#follower, this.missing);
  }

  stats(): ProcessCacheStats {
    const { finder, system } = this.#parts;
    return {
      ...finder.table.stats(),
      procReads: system.stats.reads,
      procMisses: system.stats.misses,
      truncatedExecs: this.#truncated,
      swept: this.#swept,
      missedChanges: this.#parts.changes.missed,
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
    this.#parts.abort.abort();
    clearTimeout(this.#timer);
    clearTimeout(this.#sweepTimer);
    for (const remove of this.#removals) remove();
    await Promise.all([this.ready, this.#sweeping]);
    await this.#follower.close();
    const { monitor } = this.#parts;
    await monitor.unregister(this.#group);
    for (const id of [this.forkEventId, this.execEventId, this.exitEventId, this.updateEventId]) {
      await monitor.unregister(id);
    }
  }

  /** Makes the events of processes that ended before a time although not all that would tell more was seen. */
  #settle(before: number): void {
    const { monitor, tracker } = this.#parts;
    tracker.settle(before);
    enqueueSettled({ monitor, tracker, events: this.#events });
  }

  #settleLater(): void {
    const { monitor, tracker } = this.#parts;
    if (tracker.isSettled) return;
    this.#settle(monitor.clock.now() - SETTLE_TIME * 1e6);
    if (tracker.isSettled || this.#timer !== undefined) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#settleLater();
    }, SETTLE_TIME);
    this.#timer.unref();
  }

  /** Records were lost: some of them may have told of a task's end. */
  #sweepLater(): void {
    if (this.#sweepTimer !== undefined || this.#sweeping !== undefined) {
      this.#sweepAgain = true;
      return;
    }
    const wait = Math.max(0, this.#lastSweep + SWEEP_PAUSE - performance.now());
    this.#sweepTimer = setTimeout(() => {
      this.#sweepTimer = undefined;
      this.#sweeping = this.#sweep();
    }, wait);
    this.#sweepTimer.unref();
  }

  async #sweep(): Promise<void> {
    const { procfs, finder, slice, abort } = this.#parts;
    this.#sweepAgain = false;
    const { ended, young } = await endMissing(procfs, finder, { slice, signal: abort.signal });
    this.#swept += ended;
    this.#lastSweep = performance.now();
    this.#sweeping = undefined;
    if ((young > 0 || this.#sweepAgain) && !abort.signal.aborted) this.#sweepLater();
  }
}

async function registerChanges(
  { monitor, finder, changes }: CacheParts,
  events: ProcessCacheEvents,
  follower: Follower,
  group: EventGroup,
): Promise<string[]> {
  const init = { monitor, changes, events };
  const { cgroups, follows } = finder;
  const missing = await registerCgroups(init, cgroups.hierarchy.id, (id) => cgroups.removed(id), group);
  const cwd = await registerDirectoryProbe(init, group);
  // Where there are no probes, the kernel's types need not be read.
  const probed = { cwd, creds: cwd && (await registerCredsProbe(init, group)) };
  Object.assign(follower.probed, probed);
  Object.assign(follows, probed);
  finder.credsProbed = probed.creds;
  return missing;
}
