import { CgroupPaths } from "../cgroup-paths.js";
import { CredPool, credOfExec } from "../credentials.js";
import type { ProcessSnapshot, TaskSnapshot } from "../proc-snapshot.js";
import { NANOS_PER_TICK, ProcessIds } from "../process-id.js";
import type { TaskEntry } from "../task-entry.js";
import { noExecutable } from "../task-executable.js";
import { TaskFinder } from "../task-finder.js";
import type { TaskSystem } from "../task-system.js";
import { TaskTable, type TaskTableOptions } from "../task-table.js";

/** A /proc made of what a test puts into it, and the finder over it. Monitor time 0 is 100 s after boot. */
export class FakeSystem implements TaskSystem {
  readonly snapshots = new Map<number, ProcessSnapshot>();
  readonly threadsOf = new Map<number, TaskSnapshot[]>();
  readonly exitCodes = new Map<number, number>();
  /** Start times of processes that are in /proc without being in `snapshots`. */
  readonly startTicks = new Map<number, number>();
  /** How often a start time was asked for. */
  tickReads = 0;
  /** How often /proc was asked for a task. */
  reads = 0;
  now = 0;
  readonly clock = {
    now: () => this.now,
    toBootNanos: (elapsed: number) => elapsed + BOOT_OFFSET,
    fromBootNanos: (nanos: number) => nanos - BOOT_OFFSET,
  };

  /** Puts a process into /proc that started `started` ns after the monitor (negative: before). */
  add(pid: number, facts: Partial<ProcessSnapshot> & { started?: number } = {}): void {
    const { started = -1e9, ...rest } = facts;
    this.snapshots.set(pid, {
      pid,
      tgid: pid,
      parentPid: pid === 1 ? 0 : 1,
      startTick: tickOf(started),
      command: `proc-${pid}`,
      creds: credOfExec(0, 0, 0, 0),
      isKernelThread: false,
      isZombie: false,
      threadCount: 1,
      exitCode: 0,
      argv: [`/bin/proc-${pid}`],
      truncated: false,
      cgroupPath: "/",
      startStack: undefined,
      ...rest,
    });
  }

  finder(options: Partial<TaskTableOptions> = {}): TaskFinder {
    return new TaskFinder({
      table: new TaskTable({ maxExited: 1000, grace: 1e9, ...options }),
      system: this,
      clock: this.clock,
      ids: new ProcessIds(BOOT_ID),
      creds: new CredPool(),
      cgroups: new CgroupPaths({ id: 0, version: 2, mount: undefined, root: "/" }),
    });
  }

  snapshot(pid: number): ProcessSnapshot | undefined {
    this.reads++;
    return this.snapshots.get(pid);
  }

  threads(tgid: number): readonly TaskSnapshot[] {
    return this.threadsOf.get(tgid) ?? [];
  }

  async pids(): Promise<readonly number[]> {
    return [...this.snapshots.keys()];
  }

  async snapshotsOf(pids: readonly number[]): Promise<readonly ProcessSnapshot[]> {
    this.reads += pids.length;
    return pids.map((pid) => this.snapshots.get(pid)).filter((each) => each !== undefined);
  }

  async threadsLater(tgid: number): Promise<readonly TaskSnapshot[]> {
    return this.threads(tgid);
  }

  startTick(pid: number): number | undefined {
    this.tickReads++;
    return this.startTicks.get(pid) ?? this.snapshots.get(pid)?.startTick;
  }

  creds(pid: number) {
    return this.snapshots.get(pid)?.creds;
  }

  cwd(pid: number) {
    return this.snapshots.has(pid) ? "/" : undefined;
  }

  directoryOf({ pid }: TaskEntry) {
    return this.cwd(pid);
  }

  cgroupPath(pid: number) {
    return this.snapshots.get(pid)?.cgroupPath;
  }

  executable() {
    return noExecutable;
  }

  exitCode(pid: number): number | undefined {
    return this.exitCodes.get(pid);
  }
}

export const BOOT_ID = "0123456789ab-0000-0000-0000-000000000000";

const BOOT_OFFSET = 100e9;

/** Clock ticks since boot at a time of the monitor's. */
export function tickOf(elapsed: number): number {
  return Math.floor((elapsed + BOOT_OFFSET) / NANOS_PER_TICK);
}
