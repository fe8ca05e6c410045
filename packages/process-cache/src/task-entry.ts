import type { Cgroup } from "./cgroup-paths.js";
import type { Cred } from "./credentials.js";
import type { ExitEvidence } from "./exit-evidence.js";
import type { ProcessIds } from "./process-id.js";
import {
  noOrigin,
  type Origin,
  type OriginSource,
  originOf,
  type Task,
  type TaskContainer,
  type TaskField,
} from "./task.js";
import type { TaskExecutable } from "./task-executable.js";
import type { WorkingDirectory } from "./working-directory.js";

/** A program as one execve(2) started it; children share their parent's until they execute their own. */
export interface Program {
  readonly filename: string;
  readonly commandLine: readonly string[];
  readonly truncated: boolean;
  readonly origin: Origin;
  /** Address at which execve(2) put the stack pointer, which the next one makes another; `undefined`: not known. */
  readonly startStack: bigint | undefined;
  /** The file, once somebody asked for it. */
  executable?: TaskExecutable;
}

export const unknownProgram: Program = Object.freeze({
  filename: "",
  commandLine: Object.freeze([]),
  truncated: true,
  origin: noOrigin,
  startStack: undefined,
});

/** What all tasks of a cache have in common. */
export interface TaskHome {
  readonly ids: ProcessIds;
  /** Goes up with each change of what a lineage tells of any task. */
  lineageVersion: number;
  /** Finds where a process works. */
  directory(leader: TaskEntry): WorkingDirectory | undefined;
  /** Finds the file that a process executes. */
  executable(leader: TaskEntry): TaskExecutable;
}

/**
 * The task as the cache keeps it: what {@link Task} lets others read is written here, by the tracker only. There can be a
 * hundred thousand of them, so what is a yes or a no is one bit, and what can be computed is not stored.
 */
export class TaskEntry implements Task {
  // What a lookup reads lies together.
  readonly pid: number;
  #bits = 0;
  readonly leader: TaskEntry;
  readonly #home: TaskHome;
  /** Of a leader only, as what follows up to `evidence`; its threads show the same. */
  #creator: TaskEntry | undefined;
  creatorPid = 0;
  #program: Program = unknownProgram;
  #startTick = -1;
  /** How many processes had the pid before that began in the same tick. */
  tickOwners = 0;
  /** First clock tick since boot in which a process can begin that this thread makes after its last record. */
  forkTick = 0;
  container: TaskContainer | undefined;
  attached: unknown;
  /** Threads of the process beside the leader that live. */
  threads: Set<TaskEntry> | undefined;
  evidence: ExitEvidence | undefined;

  #command = "";
  creds: Cred | undefined;
  cgroup: Cgroup | undefined;
  /** Of a thread: only where it is known not to share its process's (unshare(2) with CLONE_FS). */
  directory: WorkingDirectory | undefined;
  cloneFlags: number | undefined;
  startTime: number | undefined;
  exitTime: number | undefined;
  exitStatus: number | undefined;

  /** Links of the table: the ended tasks, by the time of their end or of their last turn. */
  newer: TaskEntry | undefined;
  older: TaskEntry | undefined;
  /** The owners of the pid before and after this one. */
  previousOwner: TaskEntry | undefined;
  nextOwner: TaskEntry | undefined;

  /** `leader`: `undefined` for the leader itself. */
  constructor(pid: number, leader: TaskEntry | undefined, home: TaskHome) {
    this.pid = pid;
    this.leader = leader ?? this;
    this.#home = home;
  }

  get command(): string {
    return this.#command;
  }

  set command(value: string) {
    this.#command = value;
    this.#home.lineageVersion++;
  }

  get program(): Program {
    return this.#program;
  }

  set program(value: Program) {
    this.#program = value;
    this.#home.lineageVersion++;
  }

  /** The process that made it. */
  get creator(): TaskEntry | undefined {
    return this.#creator;
  }

  set creator(value: TaskEntry | undefined) {
    this.#creator = value;
    this.#home.lineageVersion++;
  }

  /** Start time in clock ticks since boot, −1: not known. */
  get startTick(): number {
    return this.#startTick;
  }

  get tgid(): number {
    return this.leader.pid;
  }

  get isLeader(): boolean {
    return this.leader === this;
  }

  get parent(): TaskEntry | undefined {
    return this.leader.creator;
  }

  get parentPid(): number {
    return this.leader.creatorPid;
  }

  get processId(): string {
    const { pid, startTick, tickOwners } = this.leader;
    return startTick < 0 ? "" : this.#home.ids.of(pid, startTick, tickOwners);
  }

  get commandLine(): readonly string[] {
    return this.leader.program.commandLine;
  }

  get commandLineTruncated(): boolean {
    return this.leader.program.truncated;
  }

  get filename(): string {
    return this.leader.program.filename;
  }

  get executable() {
    return this.#home.executable(this.leader).file;
  }

  get cwd(): string | undefined {
    return (this.directory ?? this.#home.directory(this.leader))?.path;
  }

  get cgroupId(): number {
    return this.cgroup?.id ?? 0;
  }

  get cgroupPath(): string | undefined {
    return this.cgroup?.path;
  }

  get attachment(): unknown {
    return this.leader.attached;
  }

  set attachment(value: unknown) {
    this.leader.attached = value;
  }

  get containerId(): string {
    return this.leader.container?.id ?? "";
  }

  get containerInfo(): unknown {
    return this.leader.container?.info;
  }

  origin(field: TaskField): Origin {
    if (field === "commandLine") return this.leader.program.origin;
    if (field === "executable") return this.#home.executable(this.leader).origin;
    if (field === "cwd") return (this.directory ?? this.#home.directory(this.leader))?.origin ?? noOrigin;
    const bits = (this.#bits >>> shifts[field]) & 0xf;
    return originOf(sources[bits & 7] ?? "none", (bits & COMPLETE) !== 0);
  }

  /** Says where a value comes from, as {@link TaskEntry.origin} will repeat it. */
  setOrigin(field: keyof typeof shifts, source: OriginSource, complete: boolean): void {
    const shift = shifts[field];
    const bits = numbers[source] | (complete ? COMPLETE : 0);
    this.#bits = (this.#bits & ~(0xf << shift)) | (bits << shift);
  }

  /** Says when the process began, once it has its pid: with that, which of the pid's owners of that tick it is. */
  begin(tick: number): void {
    this.#startTick = tick;
    this.#home.lineageVersion++;
    let earlier = this.previousOwner;
    while (earlier !== undefined && (!earlier.isLeader || earlier.startTick > tick)) earlier = earlier.previousOwner;
    if (earlier?.startTick === tick) this.tickOwners = earlier.tickOwners + 1;
  }

  /** The start time is that of the fork event; the tick may be a likely one. */
  get hasExactStart(): boolean {
    return (this.#bits & 7) === EXACT_START;
  }

  get isKernelThread(): boolean {
    return (this.#bits & Flag.KERNEL_THREAD) !== 0;
  }

  set isKernelThread(value: boolean) {
    this.#set(Flag.KERNEL_THREAD, value);
  }

  /** It, or who made it, is known to live in another user namespace. */
  get inUserNamespace(): boolean {
    return (this.#bits & Flag.USER_NAMESPACE) !== 0;
  }

  set inUserNamespace(value: boolean) {
    this.#set(Flag.USER_NAMESPACE, value);
  }

  /** This thread has ended; a leader's process lives on while it has other threads. */
  get ended(): boolean {
    return (this.#bits & Flag.ENDED) !== 0;
  }

  set ended(value: boolean) {
    this.#set(Flag.ENDED, value);
  }

  /** An event told of its end. */
  get exitSeen(): boolean {
    return (this.#bits & Flag.EXIT_SEEN) !== 0;
  }

  set exitSeen(value: boolean) {
    this.#set(Flag.EXIT_SEEN, value);
  }

  /** It is in the table. */
  get listed(): boolean {
    return (this.#bits & Flag.LISTED) !== 0;
  }

  set listed(value: boolean) {
    this.#set(Flag.LISTED, value);
  }

  /** It is one of the ended tasks that may have to make room. */
  get retired(): boolean {
    return (this.#bits & Flag.RETIRED) !== 0;
  }

  set retired(value: boolean) {
    this.#set(Flag.RETIRED, value);
  }

  /** Somebody asked for it since it was last its turn to make room. */
  get wanted(): boolean {
    return (this.#bits & Flag.WANTED) !== 0;
  }

  set wanted(value: boolean) {
    this.#set(Flag.WANTED, value);
  }

  #set(flag: number, value: boolean): void {
    this.#bits = value ? this.#bits | flag : this.#bits & ~flag;
  }
}

const sources: readonly OriginSource[] = ["none", "tracepoint", "kprobe", "memory", "procfs"];
const numbers: Readonly<Record<OriginSource, number>> = { none: 0, tracepoint: 1, kprobe: 2, memory: 3, procfs: 4 };
const EXACT_START = numbers.tracepoint;
const COMPLETE = 8;
/** Four bits for each origin, from the lowest. */
const shifts = { startTime: 0, parent: 4, command: 8, creds: 12, cgroup: 16, exit: 20 } as const;
const Flag = {
  KERNEL_THREAD: 1 << 24,
  USER_NAMESPACE: 1 << 25,
  ENDED: 1 << 26,
  EXIT_SEEN: 1 << 27,
  LISTED: 1 << 28,
  RETIRED: 1 << 29,
  WANTED: 1 << 30,
} as const;
