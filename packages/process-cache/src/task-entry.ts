import type { Cred } from "./credentials.js";
import type { ExitEvidence } from "./exit-evidence.js";
import type { Origin, OriginSource, Task, TaskContainer, TaskField } from "./task.js";

/** A program as one execve(2) started it; children share their parent's until they execute their own. */
export interface Program {
  readonly filename: string;
  readonly commandLine: readonly string[];
  readonly truncated: boolean;
  readonly origin: Origin;
}

export const unknownProgram: Program = Object.freeze({
  filename: "",
  commandLine: Object.freeze([]),
  truncated: true,
  origin: Object.freeze({ source: "none", complete: false }),
});

/** The task as the cache keeps it: what {@link Task} lets others read is written here, by the tracker only. */
export class TaskEntry implements Task {
  readonly pid: number;
  readonly tgid: number;
  readonly leader: TaskEntry;
  /** Of a leader only, as what follows up to `program`; its threads show the same. */
  creator: TaskEntry | undefined;
  creatorPid = 0;
  id = "";
  program: Program = unknownProgram;
  command = "";
  creds: Cred | undefined;
  cgroupId = 0;
  cgroupPath: string | undefined;
  cloneFlags: number | undefined;
  isKernelThread = false;
  startTime: number | undefined;
  exitTime: number | undefined;
  exitStatus: number | undefined;
  container: TaskContainer | undefined;

  /** This thread has ended; a leader's process lives on while it has other threads. */
  ended = false;
  /** An event told of its end. */
  exitSeen = false;
  /** Threads of the process beside the leader that live; of a leader only. */
  threads: Set<TaskEntry> | undefined;
  /** Of a leader only. */
  evidence: ExitEvidence | undefined;
  /** Start time in clock ticks since boot, −1: not known; of a leader only. */
  startTick = -1;
  /** It, or who made it, is known to live in another user namespace. */
  inUserNamespace = false;

  /** Links of the table: the ended tasks from the one asked for last to the one asked for longest ago. */
  newer: TaskEntry | undefined;
  older: TaskEntry | undefined;
  retired = false;
  listed = false;
  /** The owners of the pid before and after this one. */
  previousOwner: TaskEntry | undefined;
  nextOwner: TaskEntry | undefined;

  #origins = 0;

  /** `leader`: `undefined` for the leader itself. */
  constructor(pid: number, leader: TaskEntry | undefined) {
    this.pid = pid;
    this.leader = leader ?? this;
    this.tgid = this.leader.pid;
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
    return this.leader.id;
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

  get containerId(): string {
    return this.leader.container?.id ?? "";
  }

  get containerInfo(): unknown {
    return this.leader.container?.info;
  }

  origin(field: TaskField): Origin {
    if (field === "commandLine") return this.leader.program.origin;
    const bits = (this.#origins >>> shifts[field]) & 0xf;
    return { source: sources[bits & 7] ?? "none", complete: (bits & COMPLETE) !== 0 };
  }

  /** The start time is that of the fork event. */
  get hasExactStart(): boolean {
    return (this.#origins & 7) === EXACT_START;
  }

  /** Says where a value comes from, as {@link TaskEntry.origin} will repeat it. */
  setOrigin(field: Exclude<TaskField, "commandLine">, source: OriginSource, complete: boolean): void {
    const shift = shifts[field];
    const bits = sources.indexOf(source) | (complete ? COMPLETE : 0);
    this.#origins = (this.#origins & ~(0xf << shift)) | (bits << shift);
  }
}

const sources: readonly OriginSource[] = ["none", "tracepoint", "kprobe", "memory", "procfs"];
const EXACT_START = sources.indexOf("tracepoint");
const COMPLETE = 8;
const shifts = { startTime: 0, parent: 4, command: 8, creds: 12, cgroup: 16, exit: 20 } as const;
