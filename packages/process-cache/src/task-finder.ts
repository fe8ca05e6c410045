import type { CgroupPaths } from "./cgroup-paths.js";
import type { CredPool } from "./credentials.js";
import { decodeWaitStatus } from "./exit-status.js";
import { PID_LIMIT } from "./pid-map.js";
import type { ProcessSnapshot, TaskSnapshot } from "./proc-snapshot.js";
import {
  earliestStartTick,
  isStartOf,
  latestStartTick,
  likelyStartTick,
  NANOS_PER_TICK,
  type ProcessIds,
} from "./process-id.js";
import { originOf } from "./task.js";
import { type Program, TaskEntry, type TaskHome } from "./task-entry.js";
import { executableOf, type TaskExecutable } from "./task-executable.js";
import type { RecordContext, TaskClock, TaskSystem } from "./task-system.js";
import type { TaskTable } from "./task-table.js";
import { type WorkingDirectory, WorkingDirectoryPool } from "./working-directory.js";

export interface TaskFinderInit {
  table: TaskTable;
  system: TaskSystem;
  clock: TaskClock;
  ids: ProcessIds;
  creds: CredPool;
  cgroups: CgroupPaths;
}

/** How far a record's time can lie before a start time that /proc tells, in ns: a tick, and what clocks disagree by. */
const START_TOLERANCE = 2 * NANOS_PER_TICK;

/**
 * How many clock ticks a process that lives may have begun before its fork event: the forking CPU can be stolen. Where its
 * end was seen it is more likely an earlier owner of the pid.
 */
const LONGEST_FORK = 100;

/** For how long after its end a task can be expected to write records, in ns; later ones make /proc be asked. */
const LAST_RECORDS = 1_000_000_000;

/**
 * Finds the task that a pid means: in the table, else in /proc, once; where both know nothing a task is made up that says
 * so. Knows how entries are made and how it is told whether two sightings are of one task.
 */
export class TaskFinder implements TaskHome {
  readonly table: TaskTable;
  readonly system: TaskSystem;
  readonly clock: TaskClock;
  readonly ids: ProcessIds;
  readonly creds: CredPool;
  readonly cgroups: CgroupPaths;
  readonly directories = new WorkingDirectoryPool();
  lineageVersion = 0;
  /** Which of the values that /proc tells are kept up to date from then on. */
  readonly follows = { creds: false, cwd: false };
  /** A probe tells of all credentials before the exec that brings them. */
  credsProbed = false;
  readonly #ended = new Set<(pid: number) => void>();

  constructor(init: TaskFinderInit) {
    this.table = init.table;
    this.system = init.system;
    this.clock = init.clock;
    this.creds = init.creds;
    this.ids = init.ids;
    this.cgroups = init.cgroups;
  }

  /** The task that a record was written by. */
  taskOf(context: RecordContext): TaskEntry {
    return this.find(context.tid, context.pid, context.elapsed);
  }

  /**
   * The task `pid` of the process `tgid` at `elapsed`. `lives`: the record is one that no task writes after its end.
   */
  find(pid: number, tgid: number, elapsed: number, lives = false): TaskEntry {
    const known = this.table.get(pid);
    if (known === undefined) return this.learn(pid, tgid, elapsed);
    if (isBefore(elapsed, known)) return this.#earlierOwner(pid, tgid, elapsed);
    // Another process: this one's end and the other's begin were not seen.
    const isOther = known.tgid !== tgid || (lives && known.exitTime !== undefined);
    if (isOther) this.endUnseen(known, elapsed);
    else if (known.exitTime === undefined || elapsed < known.exitTime + LAST_RECORDS) return known;
    return this.learn(pid, tgid, elapsed, isOther);
  }

  /** The task that a pid means now. */
  lookup(pid: number): TaskEntry {
    const known = this.table.get(pid);
    return known !== undefined && known.pid === pid ? known : this.learn(pid);
  }

  /**
   * Takes a task in from /proc. Given the process and the time of a record that speaks of it, /proc's answer counts only
   * if it can be the same. `isOther`: it is not the one that is known under this pid.
   */
  learn(pid: number, tgid?: number, elapsed = Number.POSITIVE_INFINITY, isOther = false): TaskEntry {
    const snapshot = pid > 0 ? this.system.snapshot(pid) : undefined;
    const fits =
      snapshot !== undefined &&
      (tgid ?? snapshot.tgid) === snapshot.tgid &&
      this.#startTime(snapshot.startTick) <= elapsed + START_TOLERANCE;
    if (fits) return this.insertSnapshot(snapshot);
    return (isOther ? undefined : this.table.get(pid)) ?? this.#insertUnknown(pid, tgid ?? pid);
  }

  /** Has `ended` called for each task that ends; returns what stops that. */
  onEnd(ended: (pid: number) => void): () => void {
    this.#ended.add(ended);
    return () => this.#ended.delete(ended);
  }

  /**
   * Takes in what /proc said, unless the pid's owner is known; returns the owner. `threads`: what it said of the threads, if
   * it was asked.
   */
  insertSnapshot(snapshot: ProcessSnapshot, threads?: readonly TaskSnapshot[]): TaskEntry {
    const known = this.#ownerOf(snapshot);
    if (known !== undefined) return known;
    if (snapshot.pid !== snapshot.tgid) return this.#insertThread(snapshot, this.lookup(snapshot.tgid).leader);
    const entry = new TaskEntry(snapshot.pid, undefined, this);
    this.#fill(entry, snapshot);
    entry.program = programOf(snapshot);
    entry.cgroup = snapshot.cgroupPath === undefined ? undefined : this.cgroups.at(snapshot.cgroupPath);
    entry.setOrigin("cgroup", "procfs", true);
    // Before the parent is looked for: whatever /proc says, each task is taken in once.
    this.table.insert(entry);
    entry.begin(snapshot.startTick);
    entry.creatorPid = snapshot.parentPid;
    entry.creator = snapshot.parentPid > 0 ? this.lookup(snapshot.parentPid).leader : undefined;
    entry.setOrigin("parent", "procfs", false);
    const others = threads ?? (snapshot.threadCount > 1 ? this.system.threads(entry.pid) : []);
    for (const thread of others) this.#insertThread(thread, entry);
    if (snapshot.isZombie) this.#insertZombie(entry, snapshot);
    return entry;
  }

  /** Makes a task the owner of its pid, and a thread one of its process's. */
  insert(entry: TaskEntry): void {
    this.table.insert(entry);
    if (entry.isLeader) return;
    entry.leader.threads ??= new Set();
    entry.leader.threads.add(entry);
  }

  /** Marks a task as ended whose end was not seen, because its pid turned out to have another owner. */
  endUnseen(entry: TaskEntry, elapsed: number): void {
    if (entry.isLeader) for (const thread of entry.threads ?? []) this.end(thread, elapsed);
    this.end(entry, elapsed);
  }

  /** Marks a task as ended: a thread, or a process with its last one. */
  end(entry: TaskEntry, elapsed: number): void {
    entry.ended = true;
    entry.exitTime ??= elapsed;
    entry.evidence = undefined;
    if (entry.isLeader) entry.threads = undefined;
    else entry.leader.threads?.delete(entry);
    this.table.retire(entry, elapsed);
    for (const ended of this.#ended) ended(entry.pid);
  }

  /** Whether the task that `entry` stands for can be the one that a fork event at `elapsed` tells of. */
  isForkOf(entry: TaskEntry, elapsed: number): boolean {
    if (entry.hasExactStart) return false;
    if (entry.startTime === undefined) return true;
    const tick = Math.floor(this.clock.toBootNanos(entry.startTime + NANOS_PER_TICK / 2) / NANOS_PER_TICK);
    return isStartOf(this.clock.toBootNanos(elapsed), tick, entry.exitSeen ? 1 : LONGEST_FORK);
  }

  /**
   * Gives a process its start time and its id, from its fork event and what is known of the thread that made it. Only where
   * both leave several ticks possible, /proc is asked: it knows, unless the process is gone.
   */
  setStart(entry: TaskEntry, maker: TaskEntry, elapsed: number): void {
    const boot = this.clock.toBootNanos(elapsed);
    const earliest = maker.forkTick;
    maker.forkTick = earliestStartTick(boot);
    entry.forkTick = maker.forkTick;
    entry.startTime = elapsed;
    entry.setOrigin("startTime", "tracepoint", true);
    if (!entry.isLeader || entry.startTick >= 0) return;
    const latest = latestStartTick(boot);
    const told = earliest === latest ? latest : this.system.startTick(entry.pid);
    if (told !== undefined && told <= latest) {
      entry.begin(told);
    } else {
      entry.begin(Math.min(Math.max(likelyStartTick(boot), earliest), latest));
      entry.setOrigin("startTime", "tracepoint", false);
    }
  }

  directory(leader: TaskEntry): WorkingDirectory | undefined {
    if (leader.directory !== undefined || leader.exitSeen || leader.retired) return leader.directory;
    const path = this.system.directoryOf(leader);
    if (path !== undefined) leader.directory = this.directories.intern(path, this.follows.cwd);
    return leader.directory;
  }

  executable(leader: TaskEntry): TaskExecutable {
    const { program } = leader;
    // Made later, it would be that of another program.
    if (program.executable === undefined) {
      const told = this.system.executable(leader);
      program.executable = told.file === undefined ? executableOf(program) : told;
    }
    return program.executable;
  }

  /** Remembers that a thread wrote a record at `elapsed`. */
  wrote(entry: TaskEntry, elapsed: number): void {
    entry.forkTick = earliestStartTick(this.clock.toBootNanos(elapsed));
  }

  #startTime(tick: number): number {
    return this.clock.fromBootNanos(tick * NANOS_PER_TICK);
  }

  #fill(entry: TaskEntry, snapshot: TaskSnapshot): void {
    entry.command = snapshot.command;
    entry.setOrigin("command", "procfs", true);
    entry.creds = snapshot.creds && this.creds.intern(snapshot.creds);
    entry.setOrigin("creds", "procfs", this.follows.creds);
    entry.isKernelThread = snapshot.isKernelThread;
    entry.startTime = this.#startTime(snapshot.startTick);
    entry.setOrigin("startTime", "procfs", false);
  }

  /** The owner that a pid has in the table, unless that has ended and /proc shows its successor. */
  #ownerOf(snapshot: TaskSnapshot): TaskEntry | undefined {
    const known = this.table.get(snapshot.pid);
    if (known === undefined || !known.retired) return known;
    if (known.tgid !== snapshot.tgid) return undefined;
    if (known.startTime === undefined) return snapshot.isZombie ? known : undefined;
    const distance = Math.abs(this.#startTime(snapshot.startTick) - known.startTime);
    return distance <= START_TOLERANCE ? known : undefined;
  }

  #insertThread(snapshot: TaskSnapshot, leader: TaskEntry): TaskEntry {
    const known = this.#ownerOf(snapshot);
    if (known !== undefined) return known;
    const entry = new TaskEntry(snapshot.pid, leader, this);
    this.#fill(entry, snapshot);
    entry.cgroup = leader.cgroup;
    this.insert(entry);
    return entry;
  }

  /** A leader that has ended: with its process, or before its threads. */
  #insertZombie(entry: TaskEntry, snapshot: ProcessSnapshot): void {
    entry.ended = true;
    if (snapshot.threadCount > 1) return;
    const now = this.clock.now();
    if (snapshot.exitCode !== 0) entry.exitStatus = decodeWaitStatus(snapshot.exitCode).status;
    entry.setOrigin("exit", "procfs", false);
    this.end(entry, now);
  }

  /** A task of which nothing is known but its pid; 0 is the idle task of every CPU. */
  #insertUnknown(pid: number, tgid: number): TaskEntry {
    const entry = new TaskEntry(pid, Object.is(pid, tgid) ? undefined : this.lookup(tgid).leader, this);
    // What can be no pid is not worth a place.
    if (!(Number.isInteger(pid) && pid >= 0 && pid < PID_LIMIT)) return entry;
    this.insert(entry);
    if (pid === 0) {
      entry.command = "swapper";
      entry.isKernelThread = true;
    } else {
      // It has ended, or /proc would show it: it may have to make room, even if no record ever tells of its end.
      this.table.retire(entry, this.clock.now());
    }
    return entry;
  }

  /** Who had the pid before its present owner began; made up, and not kept, where nobody knows. */
  #earlierOwner(pid: number, tgid: number, elapsed: number): TaskEntry {
    const earlier = this.table.getAt(pid, elapsed + START_TOLERANCE);
    if (earlier !== undefined && earlier.tgid === tgid && !isBefore(elapsed, earlier)) return earlier;
    const leader = pid === tgid ? undefined : this.lookup(tgid).leader;
    return new TaskEntry(pid, leader, this);
  }
}

/** Whether a record's time lies before all of the life of a task. */
function isBefore(elapsed: number, entry: TaskEntry): boolean {
  if (entry.startTime === undefined) return false;
  return elapsed < (entry.hasExactStart ? entry.startTime : entry.startTime - START_TOLERANCE);
}

function programOf({ argv, truncated, startStack }: ProcessSnapshot): Program {
  return { filename: "", commandLine: argv, truncated, startStack, origin: originOf("procfs", !truncated) };
}
