import { ProcReader } from "@kernscope/perf";
import type { Cred } from "./credentials.js";
import {
  PF_KTHREAD,
  type ProcStat,
  parseCgroups,
  parseCommandLine,
  parseStat,
  parseStatus,
  perfCgroupPath,
} from "./proc-text.js";

/** What /proc says of one thread, all of one moment. */
export interface TaskSnapshot {
  readonly pid: number;
  readonly tgid: number;
  /** Who is its parent now: the process that made it, or who took its place. */
  readonly parentPid: number;
  /** Clock ticks since boot. */
  readonly startTick: number;
  readonly command: string;
  readonly creds: Cred | undefined;
  readonly isKernelThread: boolean;
  /** It has ended and was not waited for yet; of a leader: its other threads may live on. */
  readonly isZombie: boolean;
  /** Threads of its process that have not ended, and the leader in any case. */
  readonly threadCount: number;
  /** Wait status of a zombie; 0 where the reader may not know it. */
  readonly exitCode: number;
}

/** What /proc says of a process and its leader. */
export interface ProcessSnapshot extends TaskSnapshot {
  readonly argv: readonly string[];
  readonly truncated: boolean;
  readonly cgroupPath: string | undefined;
  /** Address at which execve(2) put the stack pointer; `undefined` where the reader may not know it. */
  readonly startStack: bigint | undefined;
}

/** How often a process is read again that executed another program in between. */
const ATTEMPTS = 4;

/** Bytes of these files at most. What is wanted of the last one, whose lists of groups can be long, is at its beginning. */
const STAT = { name: "stat", limit: 4096 };
const CGROUP = { name: "cgroup", limit: 64 << 10 };
const STATUS = { name: "status", limit: 4096 };

/** Room for the files of many tasks beside that for those of the last one. */
const ROOM = 256 << 10;

/**
 * Reads tasks whole. Everything comes through one open directory, and the first and last read must agree on start time and
 * program: an exec in between would give one program's name and another's arguments.
 */
export class SnapshotReader {
  readonly #limit: number;
  readonly #processes: ProcReader;
  readonly #threads: ProcReader;
  readonly #one: Buffer;
  readonly #lengths = new Int32Array(5);
  readonly #pid = new Int32Array(1);
  /** Memory of readings that are over. */
  readonly #spare: Buffer[] = [];

  /** `root`: where /proc is mounted. `limit`: bytes of arguments at most. */
  constructor(root: string, limit: number) {
    this.#limit = limit;
    this.#processes = new ProcReader(root, [STAT, STATUS, { name: "cmdline", limit }, CGROUP, STAT]);
    this.#threads = new ProcReader(root, [STAT, STATUS]);
    this.#one = Buffer.allocUnsafeSlow(this.#processes.most);
  }

  /** A process, or a thread where `pid` is one's; `undefined`: there is none, or it ended meanwhile. */
  read(pid: number): ProcessSnapshot | undefined {
    this.#pid[0] = pid;
    for (let attempt = 1; ; attempt++) {
      this.#processes.readNow(this.#pid, this.#one, this.#lengths);
      const snapshot = this.#process(new Files(this.#one, this.#lengths));
      if (snapshot !== changed) return snapshot;
      if (attempt === ATTEMPTS) return this.#process(new Files(this.#one, this.#lengths), true) as ProcessSnapshot;
    }
  }

  /** Several processes, read on another thread: those of `pids` that there are, in their order. */
  async readAll(pids: readonly number[]): Promise<ProcessSnapshot[]> {
    const found: ProcessSnapshot[] = [];
    await this.#readEach(this.#processes, pids, (files, pid) => {
      const snapshot = this.#process(files);
      const settled = snapshot === changed ? this.read(pid) : snapshot;
      if (settled !== undefined) found.push(settled);
    });
    return found;
  }

  /** Those of the tasks `tids` that are threads of the process `tgid` beside its leader. */
  readThreads(tgid: number, tids: readonly number[]): TaskSnapshot[] {
    const found: TaskSnapshot[] = [];
    for (const tid of tids) {
      this.#pid[0] = tid;
      this.#threads.readNow(this.#pid, this.#one, this.#lengths);
      addThread(found, tgid, new Files(this.#one, this.#lengths));
    }
    return found;
  }

  /** The same, read on another thread. */
  async readThreadsLater(tgid: number, tids: readonly number[]): Promise<TaskSnapshot[]> {
    const found: TaskSnapshot[] = [];
    await this.#readEach(this.#threads, tids, (files) => addThread(found, tgid, files));
    return found;
  }

  async #readEach(reader: ProcReader, pids: readonly number[], take: (files: Files, pid: number) => void) {
    const bytes = this.#spare.pop() ?? Buffer.allocUnsafeSlow(this.#processes.most + ROOM);
    const lengths = new Int32Array(pids.length * reader.files);
    try {
      for (let rest = Int32Array.from(pids); rest.length > 0; ) {
        const done = await reader.read(rest, bytes, lengths);
        const files = new Files(bytes, lengths);
        for (let index = 0; index < done; index++) {
          files.seek(index * reader.files);
          take(files, rest[index]!);
        }
        rest = rest.subarray(done);
      }
    } finally {
      this.#spare.push(bytes);
    }
  }

  #process(files: Files, anyway = false): ProcessSnapshot | typeof changed | undefined {
    const before = statOf(files.next());
    const task = taskOf(before, files.next());
    const line = files.next();
    const cgroups = files.next();
    const after = statOf(files.next());
    if (before === undefined || task === undefined || after === undefined) return undefined;
    const isSame = isSameProgram(before, after);
    if (!isSame && !anyway) return changed;
    return {
      ...task,
      argv: line === undefined ? [] : parseCommandLine(line),
      truncated:
        line === undefined ||
        line.length >= this.#limit ||
        // A zombie has lost its memory and with it its arguments.
        (task.isZombie && !task.isKernelThread) ||
        !isSame,
      cgroupPath: cgroups && perfCgroupPath(parseCgroups(cgroups)),
      startStack: after.startStack === "0" ? undefined : BigInt(after.startStack),
    };
  }
}

/** The process executed another program while it was read. */
const changed = Symbol("changed");

/** What was read, file by file. */
class Files {
  readonly #bytes: Buffer;
  readonly #lengths: Int32Array;
  #index = 0;
  #offset = 0;

  constructor(bytes: Buffer, lengths: Int32Array) {
    this.#bytes = bytes;
    this.#lengths = lengths;
  }

  /** Goes on to a file further behind. */
  seek(index: number): void {
    while (this.#index < index) this.#offset += Math.max(0, this.#lengths[this.#index++] ?? 0);
  }

  /** The next file; `undefined` where it could not be read. */
  next(): Buffer | undefined {
    const length = this.#lengths[this.#index++] ?? -1;
    if (length < 0) return undefined;
    this.#offset += length;
    return this.#bytes.subarray(this.#offset - length, this.#offset);
  }
}

function statOf(bytes: Buffer | undefined): ProcStat | undefined {
  return bytes && parseStat(bytes);
}

function addThread(found: TaskSnapshot[], tgid: number, files: Files): void {
  const thread = taskOf(statOf(files.next()), files.next());
  if (thread !== undefined && thread.tgid === tgid && thread.pid !== tgid) found.push(thread);
}

function taskOf(stat: ProcStat | undefined, statusBytes: Buffer | undefined): TaskSnapshot | undefined {
  const status = statusBytes && parseStatus(statusBytes);
  if (stat === undefined || status === undefined) return undefined;
  return {
    pid: stat.pid,
    tgid: status.tgid,
    parentPid: stat.parentPid,
    startTick: stat.startTick,
    command: stat.command,
    creds: status.creds,
    isKernelThread: (stat.flags & PF_KTHREAD) !== 0,
    isZombie: stat.state === "Z" || stat.state === "X",
    threadCount: stat.threads,
    exitCode: stat.exitCode,
  };
}

function isSameProgram(before: ProcStat, after: ProcStat): boolean {
  return (
    before.startTick === after.startTick &&
    before.startStack === after.startStack &&
    before.argumentsEnd === after.argumentsEnd &&
    (before.state !== "Z") === (after.state !== "Z")
  );
}
