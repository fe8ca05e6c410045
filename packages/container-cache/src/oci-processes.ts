/** Files of OCI runtimes, by the last part of their path. */
const RUNTIME = /(?:^|\/)(?:runc|crun|youki|docker-runc|nvidia-container-runtime)$/;
/** Processes that are remembered. */
const LIMIT = 4096;

/**
 * The processes that execute an OCI runtime. What such a process makes a cgroup for is a container, whoever called it:
 * this is known in time also for lives so short that their files are gone before anybody could look.
 */
export class OciProcesses {
  readonly #pids = new Set<number>();

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
}
