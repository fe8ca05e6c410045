import { closeSync, constants, openSync, readdirSync, readlinkSync, statSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { readFile } from "@kernscope/perf";
import {
  type ProcCgroup,
  type ProcStat,
  type ProcStatus,
  parseCgroups,
  parseCommandLine,
  parseStartTick,
  parseStat,
  parseStatus,
} from "./proc-text.js";

/** The file that a process executes. */
export interface ProcExecutable {
  /** As /proc/PID/exe has it: an absolute path in the mount namespace of the process, without ` (deleted)`. */
  readonly path: string;
  /** Device number (`st_dev` of stat(2)) and inode: what identifies the file whatever it is called. */
  readonly device: number;
  readonly inode: number;
  /** No name leads to the file any more. */
  readonly deleted: boolean;
  /** It lives in memory only: memfd_create(2). */
  readonly memfd: boolean;
}

/**
 * Reads of /proc that cannot mix two processes up: a process's directory is opened once and everything is read through
 * that descriptor, which leads nowhere (ESRCH) when the process is gone, even if its pid has a new owner.
 *
 * A file that is gone or may not be read gives `undefined`; nothing here throws.
 */
export class Procfs {
  /** Where /proc is mounted. */
  readonly root: string;
  #buffer = Buffer.allocUnsafeSlow(16 << 10);

  constructor(root = "/proc") {
    this.root = root;
  }

  /** Opens the directory of a process or thread. The caller closes it. */
  open(pid: number): ProcDirectory | undefined {
    return this.#openDirectory(`${this.root}/${pid}`);
  }

  /** Opens a process's directory, hands it to `read` and closes it. */
  with<T>(pid: number, read: (directory: ProcDirectory) => T): T | undefined {
    const directory = this.open(pid);
    if (directory === undefined) return undefined;
    try {
      return read(directory);
    } finally {
      directory.close();
    }
  }

  /** /proc/PID/stat alone; for a thread's id too. */
  stat(pid: number): ProcStat | undefined {
    const bytes = this.read(`${this.root}/${pid}/stat`);
    return bytes && parseStat(bytes);
  }

  /** The pids of all processes, as /proc lists them; none where it cannot be read. */
  async pids(): Promise<number[]> {
    try {
      return numbersOf(await readdir(this.root));
    } catch {
      return [];
    }
  }

  /** The ids of all threads of a process; none where there is none. */
  threads(pid: number): number[] {
    return numbersIn(`${this.root}/${pid}/task`);
  }

  /** The boot id: text that is the same until the next boot; `undefined` where it cannot be read. */
  bootId(): string | undefined {
    return this.read(`${this.root}/sys/kernel/random/boot_id`)?.toString("latin1").trim();
  }

  /** What a link below the root leads to. */
  link(path: string): string | undefined {
    return readLink(`${this.root}/${path}`);
  }

  /** Reads a whole file up to `limit` bytes into memory that the next read overwrites. */
  read(path: string, limit = 1 << 20): Buffer | undefined {
    while (true) {
      const room = Math.min(limit, this.#buffer.length);
      const length = readFile(path, room === this.#buffer.length ? this.#buffer : this.#buffer.subarray(0, room));
      if (length < 0) return undefined;
      // A full buffer may mean that there is more.
      if (length < room || room === limit) return this.#buffer.subarray(0, length);
      this.#buffer = Buffer.allocUnsafeSlow(length * 4);
    }
  }

  #openDirectory(path: string): ProcDirectory | undefined {
    try {
      return new ProcDirectory(this, openSync(path, constants.O_RDONLY | constants.O_DIRECTORY));
    } catch {
      return undefined;
    }
  }
}

/** The open directory of one process or thread. */
export class ProcDirectory {
  readonly #procfs: Procfs;
  readonly #descriptor: number;
  readonly #path: string;

  constructor(procfs: Procfs, descriptor: number) {
    this.#procfs = procfs;
    this.#descriptor = descriptor;
    this.#path = `/proc/self/fd/${descriptor}`;
  }

  stat(): ProcStat | undefined {
    const bytes = this.#procfs.read(`${this.#path}/stat`);
    return bytes && parseStat(bytes);
  }

  /** {@link ProcStat.startTick} alone. */
  startTick(): number | undefined {
    const bytes = this.#procfs.read(`${this.#path}/stat`);
    return bytes && parseStartTick(bytes);
  }

  status(): ProcStatus | undefined {
    const bytes = this.#procfs.read(`${this.#path}/status`);
    return bytes && parseStatus(bytes);
  }

  /** The arguments, read from the memory of the process, which may have changed them; `limit` in bytes. */
  commandLine(limit: number): { argv: string[]; truncated: boolean } | undefined {
    const bytes = this.#procfs.read(`${this.#path}/cmdline`, limit);
    return bytes && { argv: parseCommandLine(bytes), truncated: bytes.length >= limit };
  }

  cgroups(): ProcCgroup[] | undefined {
    const bytes = this.#procfs.read(`${this.#path}/cgroup`);
    return bytes && parseCgroups(bytes);
  }

  /** The working directory in the mount namespace of the process. */
  workingDirectory(): string | undefined {
    return readLink(`${this.#path}/cwd`);
  }

  executable(): ProcExecutable | undefined {
    const target = readLink(`${this.#path}/exe`);
    if (target === undefined) return undefined;
    try {
      const { dev, ino, nlink } = statSync(`${this.#path}/exe`);
      const deleted = nlink === 0 && target.endsWith(DELETED);
      const path = deleted ? target.slice(0, -DELETED.length) : target;
      return { path, device: dev, inode: ino, deleted, memfd: deleted && path.startsWith("/memfd:") };
    } catch {
      return undefined;
    }
  }

  /** Thread ids of the process. */
  threads(): number[] {
    return numbersIn(`${this.#path}/task`);
  }

  close(): void {
    closeSync(this.#descriptor);
  }
}

/** What the kernel appends to the path of a file that has no name any more (fs/d_path.c). */
const DELETED = " (deleted)";

function readLink(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}

function numbersIn(path: string): number[] {
  try {
    return numbersOf(readdirSync(path));
  } catch {
    return [];
  }
}

function numbersOf(names: readonly string[]): number[] {
  const numbers: number[] = [];
  for (const name of names) {
    const first = name.charCodeAt(0);
    // What begins with a digit other than 0 is a number in /proc.
    if (first > 0x30 && first <= 0x39) numbers.push(Number(name));
  }
  return numbers;
}
