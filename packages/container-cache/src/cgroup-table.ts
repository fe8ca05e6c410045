import type { ContainerEntry } from "./container-entry.js";

/** A cgroup of the hierarchy that perf events know. */
export interface Cgroup {
  readonly id: number;
  readonly path: string;
  /** The innermost known container that it belongs to. */
  container: ContainerEntry | undefined;
  /** How often a container was sought for it in vain. */
  sought: number;
  /** Monitor time (ns) at which it was removed; `Infinity`: it is there. */
  removedAt: number;
}

export interface CgroupTableOptions {
  /** Nanoseconds for which a removed cgroup is still found. */
  readonly grace: number;
  /** The container that a path belongs to. */
  readonly resolve: (path: string) => ContainerEntry | undefined;
}

/** The cgroups by id. Ids are not given twice while the system runs; a record that comes late still finds its cgroup. */
export class CgroupTable {
  readonly #options: CgroupTableOptions;
  readonly #byId = new Map<number, Cgroup>();
  readonly #removed: Cgroup[] = [];

  constructor(options: CgroupTableOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#byId.size - this.#removed.length;
  }

  get(id: number): Cgroup | undefined {
    return this.#byId.get(id);
  }

  all(): Iterable<Cgroup> {
    return this.#byId.values();
  }

  add(id: number, path: string): Cgroup {
    const known = this.#byId.get(id);
    if (known?.path === path && known.removedAt === Number.POSITIVE_INFINITY) return known;
    const cgroup: Cgroup = {
      id,
      path,
      container: this.#options.resolve(path),
      sought: 0,
      removedAt: Number.POSITIVE_INFINITY,
    };
    this.#byId.set(id, cgroup);
    return cgroup;
  }

  /** The cgroup was removed; it is found a little longer. */
  remove(id: number, now: number): Cgroup | undefined {
    this.expire(now);
    const cgroup = this.#byId.get(id);
    if (cgroup === undefined || cgroup.removedAt !== Number.POSITIVE_INFINITY) return undefined;
    cgroup.removedAt = now;
    this.#removed.push(cgroup);
    return cgroup;
  }

  /** Forgets what was removed long ago. */
  expire(now: number): void {
    while (this.#removed[0] !== undefined && this.#removed[0].removedAt + this.#options.grace < now) {
      const { id } = this.#removed.shift() as Cgroup;
      this.#byId.delete(id);
    }
  }

  /** Seeks the containers of all cgroups anew at or below a path; of all of them without one. */
  relink(below?: string): void {
    for (const cgroup of this.#byId.values()) {
      // Records that come late still belong to the container that had the cgroup.
      if (cgroup.removedAt !== Number.POSITIVE_INFINITY && cgroup.container !== undefined) continue;
      if (below === undefined || cgroup.path === below || cgroup.path.startsWith(`${below}/`)) {
        cgroup.container = this.#options.resolve(cgroup.path);
      }
    }
  }

  clear(): void {
    this.#byId.clear();
    this.#removed.length = 0;
  }
}
