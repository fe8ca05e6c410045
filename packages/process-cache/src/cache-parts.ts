import { release } from "node:os";
import type { EventMonitor } from "@kernscope/perf";
import { perfHierarchy } from "./cgroup-hierarchy.js";
import { CgroupPaths } from "./cgroup-paths.js";
import { CredPool } from "./credentials.js";
import { ProcessCacheError } from "./errors.js";
import type { FollowedField } from "./follower.js";
import { ProcSystem } from "./proc-system.js";
import { ProcessIds } from "./process-id.js";
import { Procfs } from "./procfs.js";
import type { Task, TaskContainer } from "./task.js";
import { TaskChanges } from "./task-changes.js";
import { TaskFinder } from "./task-finder.js";
import { TaskRefresh } from "./task-refresh.js";
import { TaskTable } from "./task-table.js";
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
  /** What to follow from the start although it costs other programs something; see {@link ProcessInfoCache.follow}. */
  follow?: readonly FollowedField[];
  /** Tells which container a process runs in. */
  containerOf?: (task: Task) => TaskContainer | undefined;
}

/** What a cache is made of. */
export interface CacheParts {
  monitor: EventMonitor;
  procfs: Procfs;
  system: ProcSystem;
  finder: TaskFinder;
  tracker: TaskTracker;
  changes: TaskChanges;
  refresh: TaskRefresh;
  /** Aborted when the cache closes. */
  abort: AbortController;
  limit: number;
  slice: number;
  containerOf: ProcessCacheOptions["containerOf"];
}

export function buildParts(monitor: EventMonitor, options: ProcessCacheOptions): CacheParts {
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
  const cgroups = new CgroupPaths(perfHierarchy(procfs));
  const finder = new TaskFinder({ table, system, clock, ids: new ProcessIds(bootId), creds: new CredPool(), cgroups });
  const tracker = new TaskTracker(finder, Number.parseInt(release(), 10) < 6);
  const { containerOf, scanSlice: slice = 4 } = options;
  const abort = new AbortController();
  const changes = new TaskChanges(finder);
  const refresh = new TaskRefresh(finder, changes, { slice, signal: abort.signal });
  return { monitor, procfs, system, finder, tracker, changes, refresh, abort, limit, slice, containerOf };
}

export function checkOptions(options: ProcessCacheOptions): void {
  const lowest = { maxExited: 0, grace: 0, maxArguments: 1, scanSlice: 0 } as const;
  for (const [name, least] of Object.entries(lowest)) {
    const value = options[name as keyof typeof lowest];
    if (value !== undefined && !(value >= least && value < 2 ** 31)) {
      throw new ProcessCacheError("invalid", `open(${name}): ${value} – must be a number from ${least} to 2^31 − 1`);
    }
  }
}
