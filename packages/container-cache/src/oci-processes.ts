import { closeSync, openSync, readSync } from "node:fs";

/** Files of OCI runtimes, by the last part of their path. */
const RUNTIME = /(?:^|\/)(?:runc|crun|youki|docker-runc|nvidia-container-runtime)$/;
/** How a runtime names the file when it executes itself. */
const ITSELF = /^(?:\/proc\/self\/(?:exe$|fd\/)|\/dev\/fd\/|\/?memfd:)/;
/** Ids that OCI runtimes accept. */
const ID = /^[\w+.-]{1,255}$/;
/** Bytes of a command line at most: the id is its last argument. */
const COMMAND_LIMIT = 64 << 10;
/** Processes that are remembered. */
const LIMIT = 4096;

/**
 * The processes that execute an OCI runtime. What such a process makes a cgroup for is a container, whoever called it:
 * this is known in time also for lives so short that their files are gone before anybody could look.
 */
export class OciProcesses {
  readonly #procRoot: string;
  readonly #pids = new Set<number>();

  constructor(procRoot: string) {
    this.#procRoot = procRoot;
  }

  executed(pid: number, filename: string): void {
    this.#pids.delete(pid);
    if (!RUNTIME.test(filename)) return;
    this.#pids.add(pid);
    if (this.#pids.size > LIMIT) this.#pids.delete(this.#pids.keys().next().value as number);
  }

  ended(pid: number): void {
    this.#pids.delete(pid);
  }

  has(pid: number): boolean {
    return this.#pids.has(pid);
  }

  /** The id of the container for which a process makes a cgroup, as far as can be said: at last it is called as that. */
  idFor(pid: number, path: string): string | undefined {
    const args = this.#argumentsOf(pid);
    const last = args.at(-1);
    const creates = args.includes("create") || args.includes("run");
    const id = creates && last !== undefined ? last : path.slice(path.lastIndexOf("/") + 1);
    return ID.test(id) ? id : undefined;
  }

  #argumentsOf(pid: number): string[] {
    let file: number;
    try {
      file = openSync(`${this.#procRoot}/${pid}/cmdline`, "r");
    } catch {
      return [];
    }
    try {
      const buffer = Buffer.alloc(COMMAND_LIMIT);
      const length = readSync(file, buffer, 0, COMMAND_LIMIT, 0);
      return length === COMMAND_LIMIT ? [] : buffer.toString("utf8", 0, length).split("\0").slice(0, -1);
    } catch {
      return [];
    } finally {
      closeSync(file);
    }
  }
}

/**
 * Whether a file is one by which a runtime executes itself: runc does so with a sealed copy, within the container's cgroup
 * already, before the container's program.
 */
export function isRuntimesOwn(filename: string): boolean {
  return ITSELF.test(filename);
}
