import { askCgroup, noteCgroup } from "./cgroup-of-task.js";
import { CloneFlag, hasCloneFlag } from "./clone-flags.js";
import type { ExecIds } from "./exec-args.js";
import { applyExecIds } from "./exec-creds.js";
import type { ExecArguments } from "./exec-rest.js";
import { ExitEvidence } from "./exit-evidence.js";
import { decodeWaitStatus, exited, signaled } from "./exit-status.js";
import type {
  ExitStatus,
  ProcessExecEvent,
  ProcessExitEvent,
  ProcessForkEvent,
  ProcessUpdateEvent,
} from "./process-events.js";
import { TaskEntry } from "./task-entry.js";
import type { TaskFinder } from "./task-finder.js";
import type { RecordContext } from "./task-system.js";

/** A process that is known to have ended, while records that tell how are still to come. */
interface Ending {
  readonly leader: TaskEntry;
  readonly elapsed: number;
  /** What goes with the event when it comes. */
  readonly ticket: unknown;
  /** All of its threads were seen to end; the signal to its parent will tell whether it left a core dump. */
  readonly status: ExitStatus | undefined;
}

/** The event of a process's end, and what was asked for when that was seen. */
export interface SettledExit {
  readonly event: ProcessExitEvent;
  readonly ticket: unknown;
}

export interface ExecFacts {
  /** The process, and since now the thread too. */
  readonly pid: number;
  /** The thread that called execve(2). */
  readonly oldPid: number;
  readonly filename: string;
  readonly args: ExecArguments;
  readonly ids: ExecIds | undefined;
  /** Address at which it put the stack pointer. */
  readonly startStack: bigint | undefined;
}

export interface ExitFacts {
  readonly command: string;
  /** As `threadEnd` says. */
  readonly end: number;
  /** It is the last thread of its process; `undefined`: the kernel (before 6.16) does not tell. */
  readonly groupDead: boolean | undefined;
}

/** Applies what kernel events say to the tasks, and makes the events that others see of it. */
export class TaskTracker {
  readonly #finder: TaskFinder;
  readonly #leaderCounts: boolean;
  readonly #endings = new Map<TaskEntry, Ending>();
  #settled: SettledExit[] = [];
  /** The kernel does not tell of names: an exec's is taken from its file. */
  namesFromExec = false;

  /** `leaderCounts`: the kernel is older than 6.0, see {@link ExitEvidence}. */
  constructor(finder: TaskFinder, leaderCounts = false) {
    this.#finder = finder;
    this.#leaderCounts = leaderCounts;
  }

  /** `task/task_newtask`, written by the parent. */
  forked(context: RecordContext, childPid: number, command: string, cloneFlags: number): ProcessForkEvent {
    const finder = this.#finder;
    const { elapsed } = context;
    const task = finder.taskOf(context);
    const isThread = hasCloneFlag(cloneFlags, CloneFlag.THREAD);
    const tgid = isThread ? task.tgid : childPid;
    const known = finder.table.get(childPid);
    // /proc, or a record that overtook this one, may have told of it before.
    const isKnown = known !== undefined && known.tgid === tgid && finder.isForkOf(known, elapsed);
    if (known !== undefined && !isKnown && !known.retired) {
      const ending = this.#endings.get(known);
      if (ending === undefined) finder.endUnseen(known, elapsed);
      else this.#settle(ending);
    }
    const child = isKnown ? known : new TaskEntry(childPid, isThread ? task.leader : undefined, finder);
    if (!isKnown) {
      child.command = command;
      child.setOrigin("command", "tracepoint", true);
      finder.insert(child);
    }
    child.cloneFlags = cloneFlags;
    this.#inherit(child, task, context, isKnown);
    finder.setStart(child, task, elapsed);
    return { task, childTask: child, cloneFlags };
  }

  /** `sched/sched_process_exec`, written by the thread under its new pid. */
  executed(context: RecordContext, facts: ExecFacts): ProcessExecEvent {
    const finder = this.#finder;
    const { pid, oldPid, filename, args } = facts;
    const leader = finder.find(pid, pid, context.elapsed, true).leader;
    const caller = oldPid === pid ? leader : finder.table.get(oldPid);
    if (caller !== undefined && caller !== leader && caller.leader === leader) {
      // The caller takes the place of the leader, whose end is no end of the process. Its new name was told before, and
      // so were its credentials if a probe tells of them.
      if (!finder.credsProbed) leader.creds = caller.creds;
      leader.directory = caller.directory ?? leader.directory;
    }
    for (const thread of leader.threads ?? []) finder.end(thread, context.elapsed);
    this.#endings.delete(leader);
    leader.ended = false;
    leader.exitSeen = false;
    leader.evidence = undefined;
    leader.isKernelThread = false;
    const { argv: commandLine, truncated, origin } = args;
    leader.program = { filename, commandLine, truncated, origin, startStack: facts.startStack };
    if (leader.command === "" || this.namesFromExec) {
      leader.command = baseName(filename);
      leader.setOrigin("command", "tracepoint", false);
    }
    if (facts.ids !== undefined) applyExecIds(finder, leader, facts.ids);
    noteCgroup(finder, leader, context.cgroup);
    finder.wrote(leader, context.elapsed);
    return { task: leader, filename, commandLine: args.argv, truncated: args.truncated, oldPid };
  }

  /**
   * `sched/sched_process_exit`, written by each thread that ends. Gives an event where the process ended with it; `ticket`
   * is asked for where that will come from {@link TaskTracker.takeSettled} only.
   */
  exited(context: RecordContext, facts: ExitFacts, ticket: () => unknown): ProcessExitEvent | undefined {
    const finder = this.#finder;
    const { elapsed } = context;
    const task = finder.taskOf(context);
    const { leader } = task;
    if (task.exitSeen) return undefined;
    task.exitSeen = true;
    if (task.command === "") task.command = facts.command;
    noteCgroup(finder, task, context.cgroup);
    task.ended = true;
    const isOnlyThread = leader === task && leader.threads === undefined && leader.evidence === undefined;
    // Most processes: nothing else can have been the reason.
    if (isOnlyThread && facts.end >= 0 && facts.groupDead !== false)
      return this.#finish(leader, elapsed, exited(facts.end));
    this.#evidence(leader).threadEnded(facts.end, elapsed, task.isLeader);
    if (!task.isLeader) finder.end(task, elapsed);
    const isLast = leader.ended && (leader.threads === undefined || leader.threads.size === 0);
    const isDead = facts.groupDead ?? isLast;
    if (isLast && (isDead || this.#endings.has(leader))) {
      const status = this.#statusOf(leader);
      if (!status.certain || status.coreDumped !== undefined) return this.#finish(leader, elapsed, status);
      this.#endings.set(leader, { leader, elapsed, ticket: ticket(), status });
    } else if (isDead) {
      this.#endings.set(leader, { leader, elapsed, ticket: ticket(), status: undefined });
    }
    return undefined;
  }

  /** `signal/signal_generate` of the signal that tells the parent of a process's end, written by its last thread. */
  parentTold(context: RecordContext, dumpedCore: boolean): void {
    const leader = this.#finder.table.get(context.pid);
    const ending = leader && this.#endings.get(leader);
    if (ending?.status?.signal === undefined) return;
    // What the parent is told is the leader's own status, which lacks the bit if another thread dumped the core.
    const isSure = dumpedCore || ending.leader.threads === undefined;
    const status = isSure ? signaled(ending.status.signal, true, dumpedCore) : this.#askProc(ending.leader);
    this.#settle({ ...ending, status: status ?? ending.status });
  }

  /** `signal/signal_generate` of a signal that ends a process by default, sent to `pid`. */
  signalSent(context: RecordContext, pid: number, signal: number): void {
    const { leader } = this.#finder.lookup(pid);
    if (leader.exitTime === undefined) this.#evidence(leader).generated(signal, context.elapsed);
  }

  /** `signal/signal_deliver` of a signal that ends the process that it was delivered to. */
  signalTaken(context: RecordContext, signal: number): void {
    const { leader } = this.#finder.taskOf(context);
    if (leader.exitTime === undefined) this.#evidence(leader).delivered(signal);
  }

  /** `task/task_rename`: also written by another thread of the process that wrote to /proc. */
  renamed(pid: number, command: string): ProcessUpdateEvent {
    const task = this.#finder.lookup(pid);
    task.command = command;
    task.setOrigin("command", "tracepoint", true);
    return { task, field: "command" };
  }

  /** Whether processes are known to have ended whose events are still to be made. */
  get isSettled(): boolean {
    return this.#endings.size === 0;
  }

  /** Makes the events of processes that ended before `elapsed` although not all that was to come has come. */
  settle(elapsed: number): void {
    for (const ending of this.#endings.values()) if (ending.elapsed < elapsed) this.#settle(ending);
  }

  /** Gives the events that did not come with the records of the ends themselves, once. */
  takeSettled(): readonly SettledExit[] {
    if (this.#settled.length === 0) return nothing;
    const settled = this.#settled;
    this.#settled = [];
    return settled;
  }

  #inherit(child: TaskEntry, task: TaskEntry, context: RecordContext, isKnown: boolean): void {
    const { leader } = task;
    const isMoved = hasCloneFlag(child.cloneFlags ?? 0, CloneFlag.INTO_CGROUP);
    noteCgroup(this.#finder, task, context.cgroup);
    if (child.isLeader) {
      const isSibling = hasCloneFlag(child.cloneFlags ?? 0, CloneFlag.PARENT);
      child.creator = isSibling ? leader.creator : leader;
      child.creatorPid = isSibling ? leader.creatorPid : leader.pid;
      child.setOrigin("parent", "tracepoint", true);
    }
    child.inUserNamespace = task.inUserNamespace || hasCloneFlag(child.cloneFlags ?? 0, CloneFlag.NEWUSER);
    if (isKnown && child.origin("commandLine").source !== "none") return;
    child.program = leader.program;
    child.isKernelThread = task.isKernelThread;
    child.creds = task.creds;
    const creds = task.origin("creds");
    child.setOrigin("creds", creds.source, creds.complete);
    inheritDirectory(this.#finder, child, task);
    if (child.cgroup !== undefined) return;
    if (isMoved) {
      askCgroup(this.#finder, child);
      return;
    }
    child.cgroup = task.cgroup;
    const cgroup = task.origin("cgroup");
    child.setOrigin("cgroup", cgroup.source, cgroup.complete);
  }

  #evidence(leader: TaskEntry): ExitEvidence {
    leader.evidence ??= new ExitEvidence(this.#leaderCounts);
    return leader.evidence;
  }

  #settle({ leader, elapsed, ticket, status }: Ending): void {
    this.#settled.push({ event: this.#finish(leader, elapsed, status ?? this.#statusOf(leader)), ticket });
  }

  #finish(leader: TaskEntry, elapsed: number, status: ExitStatus): ProcessExitEvent {
    this.#endings.delete(leader);
    for (const thread of leader.threads ?? []) this.#finder.end(thread, elapsed);
    leader.exitStatus = status.status;
    if (leader.origin("exit").source === "none") leader.setOrigin("exit", "tracepoint", status.certain);
    leader.exitTime = elapsed;
    this.#finder.end(leader, elapsed);
    return { task: leader, ...status };
  }

  /** What the events tell; where they leave it open, /proc knows as long as nobody has waited for the process. */
  #statusOf(leader: TaskEntry): ExitStatus {
    const seen = this.#evidence(leader).resolve();
    return (seen.certain ? undefined : this.#askProc(leader)) ?? seen;
  }

  #askProc(leader: TaskEntry): ExitStatus | undefined {
    const raw = leader.startTick < 0 ? undefined : this.#finder.system.exitCode(leader.pid, leader.startTick);
    if (raw === undefined) return undefined;
    leader.setOrigin("exit", "procfs", true);
    return decodeWaitStatus(raw);
  }
}

const nothing: readonly SettledExit[] = Object.freeze([]);

/** A child works where its parent does; one that shares that with a process of another id can be moved by it unseen. */
function inheritDirectory(finder: TaskFinder, child: TaskEntry, task: TaskEntry): void {
  const directory = task.directory ?? finder.directory(task.leader);
  if (!child.isLeader) child.directory = task.isLeader ? undefined : task.directory;
  else if (directory === undefined || !hasCloneFlag(child.cloneFlags ?? 0, CloneFlag.FS)) child.directory = directory;
  else child.directory = finder.directories.intern(directory.path, false);
}

/** The name that execve(2) gives: at most 15 bytes of the file's name. */
function baseName(filename: string): string {
  const name = Buffer.from(filename.slice(filename.lastIndexOf("/") + 1));
  return name.toString("utf8", 0, 15);
}
