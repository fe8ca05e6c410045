import { CloneFlag, hasCloneFlag } from "./clone-flags.js";
import { credOfExec } from "./credentials.js";
import type { ExecIds } from "./exec-args.js";
import type { ExecArguments } from "./exec-rest.js";
import { ExitEvidence } from "./exit-evidence.js";
import { decodeWaitStatus } from "./exit-status.js";
import type {
  ExitStatus,
  ProcessExecEvent,
  ProcessExitEvent,
  ProcessForkEvent,
  ProcessUpdateEvent,
} from "./process-events.js";
import { TaskEntry } from "./task-entry.js";
import type { RecordContext, TaskFinder } from "./task-finder.js";

/** A process whose last thread is known to have ended, while the records of others are still to come. */
interface Ending {
  readonly leader: TaskEntry;
  readonly elapsed: number;
  /** What goes with the event when it comes. */
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
    if (known !== undefined && !isKnown && !known.retired) finder.endUnseen(known, elapsed);
    const child = isKnown ? known : new TaskEntry(childPid, isThread ? task.leader : undefined, finder.ids);
    if (!isKnown) {
      child.command = command;
      child.setOrigin("command", "tracepoint", true);
      finder.insert(child);
    }
    child.cloneFlags = cloneFlags;
    this.#inherit(child, task, context, isKnown);
    finder.setStart(child, elapsed);
    return { task, childTask: child, cloneFlags };
  }

  /** `sched/sched_process_exec`, written by the thread under its new pid. */
  executed(context: RecordContext, facts: ExecFacts): ProcessExecEvent {
    const finder = this.#finder;
    const { pid, oldPid, filename, args } = facts;
    const leader = finder.find(pid, pid, context.elapsed, true).leader;
    const caller = oldPid === pid ? leader : finder.table.get(oldPid);
    if (caller !== undefined && caller !== leader && caller.leader === leader) {
      // The caller takes the place of the leader, whose end is no end of the process. Its new name was told before.
      leader.creds = caller.creds;
    }
    for (const thread of leader.threads ?? []) finder.end(thread, context.elapsed);
    this.#endings.delete(leader);
    leader.ended = false;
    leader.exitSeen = false;
    leader.evidence = undefined;
    leader.isKernelThread = false;
    leader.program = { filename, commandLine: args.argv, truncated: args.truncated, origin: args.origin };
    if (leader.command === "" || this.namesFromExec) {
      leader.command = baseName(filename);
      leader.setOrigin("command", "tracepoint", false);
    }
    if (facts.ids !== undefined) this.#applyIds(leader, facts.ids);
    noteCgroup(leader, context);
    return { task: leader, filename, commandLine: args.argv, truncated: args.truncated, oldPid };
  }

  /**
   * `sched/sched_process_exit`, written by each thread that ends. Gives an event where the process ended with it; `ticket`
   * is asked for where that will be told by {@link TaskTracker.settle} only.
   */
  exited(context: RecordContext, facts: ExitFacts, ticket: () => unknown): ProcessExitEvent | undefined {
    const finder = this.#finder;
    const { elapsed } = context;
    const task = finder.taskOf(context);
    const { leader } = task;
    if (task.exitSeen) return undefined;
    task.exitSeen = true;
    if (task.command === "") task.command = facts.command;
    noteCgroup(task, context);
    task.ended = true;
    this.#evidence(leader).threadEnded(facts.end, elapsed, task.isLeader);
    if (!task.isLeader) finder.end(task, elapsed);
    const isLast = leader.ended && (leader.threads === undefined || leader.threads.size === 0);
    const isDead = facts.groupDead ?? isLast;
    if (isLast && (isDead || this.#endings.has(leader))) return this.#finish(leader, elapsed);
    if (isDead) this.#endings.set(leader, { leader, elapsed, ticket: ticket() });
    return undefined;
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

  /** Makes the events of processes that ended before `elapsed` although not all of their threads were seen to end. */
  settle(elapsed: number): { event: ProcessExitEvent; ticket: unknown }[] {
    const due = [...this.#endings.values()].filter((ending) => ending.elapsed < elapsed);
    return due.map(({ leader, elapsed: time, ticket }) => ({ event: this.#finish(leader, time), ticket }));
  }

  #inherit(child: TaskEntry, task: TaskEntry, context: RecordContext, isKnown: boolean): void {
    const { leader } = task;
    const isMoved = hasCloneFlag(child.cloneFlags ?? 0, CloneFlag.INTO_CGROUP);
    if (context.cgroup !== 0) noteCgroup(task, context);
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
    if (isMoved || child.cgroupId !== 0) return;
    child.cgroupId = task.cgroupId;
    child.cgroupPath = task.cgroupPath;
    const cgroup = task.origin("cgroup");
    child.setOrigin("cgroup", cgroup.source, cgroup.complete);
  }

  /**
   * Takes the ids that the kernel gave to the new program. They are those of its own user namespace: where its real ids
   * are not those that were known, either it has another one, or changed its ids unseen; /proc tells.
   */
  #applyIds(leader: TaskEntry, ids: ExecIds): void {
    const finder = this.#finder;
    const { uid, euid, gid, egid } = ids;
    const known = leader.creds;
    const isAlike = known !== undefined && known.uid === uid && known.gid === gid && !leader.inUserNamespace;
    if (isAlike) {
      leader.creds = finder.creds.intern(credOfExec(uid, euid, gid, egid));
      leader.setOrigin("creds", "tracepoint", true);
      return;
    }
    const told = finder.system.creds(leader.pid);
    if (told !== undefined) {
      leader.creds = finder.creds.intern(told);
      leader.setOrigin("creds", "procfs", true);
      if (told.uid !== uid || told.euid !== euid || told.gid !== gid) leader.inUserNamespace = true;
    } else if (!leader.inUserNamespace) {
      leader.creds = finder.creds.intern(credOfExec(uid, euid, gid, egid));
      leader.setOrigin("creds", "tracepoint", false);
    } else {
      leader.setOrigin("creds", leader.origin("creds").source, false);
    }
  }

  #evidence(leader: TaskEntry): ExitEvidence {
    leader.evidence ??= new ExitEvidence(this.#leaderCounts);
    return leader.evidence;
  }

  #finish(leader: TaskEntry, elapsed: number): ProcessExitEvent {
    const seen = this.#evidence(leader).resolve();
    const status = this.#completed(leader, seen);
    this.#endings.delete(leader);
    for (const thread of leader.threads ?? []) this.#finder.end(thread, elapsed);
    leader.exitStatus = status.status;
    leader.setOrigin("exit", status === seen ? "tracepoint" : "procfs", status.certain);
    leader.exitTime = elapsed;
    this.#finder.end(leader, elapsed);
    return { task: leader, ...status };
  }

  /** Asks /proc for what the events leave open: it knows as long as nobody has waited for the process. */
  #completed(leader: TaskEntry, seen: ExitStatus): ExitStatus {
    if (seen.certain && seen.coreDumped !== undefined) return seen;
    const raw = leader.startTick < 0 ? undefined : this.#finder.system.exitCode(leader.pid, leader.startTick);
    if (raw === undefined) return seen;
    const told = decodeWaitStatus(raw);
    return seen.certain && told.signal !== seen.signal ? seen : told;
  }
}

/** What the record of a task says of its cgroup. */
function noteCgroup(task: TaskEntry, { cgroup }: RecordContext): void {
  if (cgroup === 0 || cgroup === task.cgroupId) return;
  // The path that /proc told stands for the first id that is seen.
  if (task.cgroupId !== 0) task.cgroupPath = undefined;
  task.cgroupId = cgroup;
  task.setOrigin("cgroup", "tracepoint", true);
}

/** The name that execve(2) gives: at most 15 bytes of the file's name. */
function baseName(filename: string): string {
  const name = Buffer.from(filename.slice(filename.lastIndexOf("/") + 1));
  return name.toString("utf8", 0, 15);
}
