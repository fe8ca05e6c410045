import { type CgroupHierarchy, findPerfHierarchy, scanCgroups } from "./cgroup-hierarchy.js";
import { CgroupTable, type CgroupTableOptions } from "./cgroup-table.js";

/** The cgroups of the hierarchy that perf events know, as they are now. */
export class CgroupTree {
  readonly table: CgroupTable;
  readonly #procRoot: string;
  readonly #signal: AbortSignal;
  #hierarchy: CgroupHierarchy;
  #scanning: Promise<void> | undefined;

  constructor(procRoot: string, options: CgroupTableOptions, signal: AbortSignal) {
    this.#procRoot = procRoot;
    this.#signal = signal;
    this.#hierarchy = findPerfHierarchy(procRoot);
    this.table = new CgroupTable(options);
  }

  /** Where the hierarchy is mounted; empty: nowhere. */
  get mount(): string {
    return this.#hierarchy.mount ?? "";
  }

  /** Whether an event is of this hierarchy. */
  has(root: number): boolean {
    return root === this.#hierarchy.id;
  }

  /** Takes in all cgroups that there are; and those that are gone, at `now`, for which no event was seen. */
  scan(now: () => number): Promise<void> {
    this.#scanning ??= this.#scan(now).finally(() => {
      this.#scanning = undefined;
    });
    return this.#scanning;
  }

  /** A hierarchy was mounted or has gone: the controller may belong to another one now. */
  async hierarchyChanged(now: () => number): Promise<void> {
    const found = findPerfHierarchy(this.#procRoot);
    if (found.id === this.#hierarchy.id && found.mount === this.#hierarchy.mount) return;
    if (found.id !== this.#hierarchy.id) this.table.clear();
    this.#hierarchy = found;
    await this.#scanning;
    await this.scan(now);
  }

  async #scan(now: () => number): Promise<void> {
    const { mount } = this.#hierarchy;
    if (mount === undefined) return;
    const before = [...this.table.all()];
    const present = new Set<number>();
    const take = (id: number, path: string) => {
      present.add(id);
      // Of what was there before the runtimes tell by themselves.
      this.table.add(id, path, Number.POSITIVE_INFINITY);
    };
    const whole = await scanCgroups(mount, take, this.#signal);
    if (!whole) return;
    for (const { id } of before) if (!present.has(id)) this.table.remove(id, now());
  }
}
