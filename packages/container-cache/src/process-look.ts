import { existsSync, readFileSync } from "node:fs";

/** Looks at processes in /proc. */
export class ProcessLook {
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  lives(pid: number): boolean {
    return existsSync(`${this.#root}/${pid}`);
  }

  /** Whether a process lives and is in a container's cgroup: its pid may have been given to another one. */
  isOf(pid: number, { id, cgroupPath }: { readonly id: string; readonly cgroupPath: string }): boolean {
    try {
      const cgroups = readFileSync(`${this.#root}/${pid}/cgroup`, "utf8");
      return cgroups.includes(id) || (cgroupPath !== "" && cgroups.includes(cgroupPath));
    } catch {
      return false;
    }
  }
}
