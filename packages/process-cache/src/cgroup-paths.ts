import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { CgroupHierarchy } from "./cgroup-hierarchy.js";

/** A cgroup: one object for each, so that what is learnt of it later shows wherever it is kept. */
export interface Cgroup {
  /** The kernel's id, which no other cgroup has until the next boot: the inode of its directory; 0: not known. */
  readonly id: number;
  /** Path below the root of its hierarchy; `undefined`: not known. After it was removed: the last one. */
  readonly path: string | undefined;
}

interface Entry {
  id: number;
  path: string | undefined;
}

export interface CgroupPathsOptions {
  /** Removed cgroups, and ids without a path, that are remembered at most. Default 4,096. */
  limit?: number;
}

/**
 * Maps the ids of one hierarchy's cgroups to their paths and back. It knows what its mount shows and what it is told of;
 * a path that was removed and made anew means the newer cgroup. Nothing here throws.
 */
export class CgroupPaths {
  readonly hierarchy: CgroupHierarchy;
  readonly #limit: number;
  readonly #byId = new Map<number, Entry>();
  readonly #byPath = new Map<string, Entry>();
  /** Those that may be forgotten, the oldest first. */
  readonly #spare = new Set<Entry>();

  constructor(hierarchy: CgroupHierarchy, { limit = 4096 }: CgroupPathsOptions = {}) {
    this.hierarchy = hierarchy;
    this.#limit = limit;
  }

  /** How many cgroups are known. */
  get size(): number {
    return this.#byId.size;
  }

  /** The cgroup of an id, with or without a path. */
  get(id: number): Cgroup {
    const known = this.#byId.get(id);
    if (known !== undefined) return known;
    const entry: Entry = { id, path: undefined };
    this.#byId.set(id, entry);
    this.#spareOne(entry);
    return entry;
  }

  /** The cgroup that a path means now; its id comes from the mount. */
  at(path: string): Cgroup {
    const known = this.#byPath.get(path);
    if (known !== undefined) return known;
    const id = this.#inode(path);
    return id === undefined ? { id: 0, path } : this.made(id, path);
  }

  /** A cgroup was made, has been found, or has another name. */
  made(id: number, path: string): Cgroup {
    const entry = this.get(id) as Entry;
    if (entry.path === path) return entry;
    this.#unlist(entry);
    entry.path = path;
    const former = this.#byPath.get(path);
    if (former !== undefined) this.#spareOne(former);
    this.#byPath.set(path, entry);
    this.#spare.delete(entry);
    return entry;
  }

  /** A cgroup was removed; tasks that were in it still show its path. */
  removed(id: number): void {
    const entry = this.#byId.get(id);
    if (entry === undefined) return;
    this.#unlist(entry);
    this.#spareOne(entry);
  }

  /** Whether the mount shows `path` as the cgroup `id`. Where there is no mount, nothing speaks against it. */
  confirms(id: number, path: string): boolean {
    if (this.hierarchy.mount === undefined) return true;
    return this.#inode(path) === id;
  }

  /** Takes in all cgroups that the mount shows, in slices of `slice` ms. */
  async scan({ slice, signal }: { slice: number; signal: AbortSignal }): Promise<void> {
    const { mount, root } = this.hierarchy;
    if (mount === undefined) return;
    let sliceEnd = performance.now() + slice;
    const pending = [root];
    for (let path = pending.pop(); path !== undefined && !signal.aborted; path = pending.pop()) {
      if (performance.now() >= sliceEnd) {
        await nextTurn();
        sliceEnd = performance.now() + slice;
      }
      const id = this.#inode(path);
      if (id !== undefined) this.made(id, path);
      for (const name of folders(this.#directory(path) ?? "")) pending.push(join(path, name));
    }
  }

  #directory(path: string): string | undefined {
    const { mount, root } = this.hierarchy;
    if (mount === undefined) return undefined;
    const below =
      root === "/" ? path : path === root ? "/" : path.startsWith(`${root}/`) ? path.slice(root.length) : "";
    // Names come from the host's users: none may lead out of the mount.
    return below.startsWith("/") && !below.split("/").includes("..") ? mount + below : undefined;
  }

  #inode(path: string): number | undefined {
    const directory = this.#directory(path);
    if (directory === undefined) return undefined;
    try {
      return statSync(directory, { throwIfNoEntry: false })?.ino;
    } catch {
      return undefined;
    }
  }

  #unlist(entry: Entry): void {
    if (entry.path !== undefined && this.#byPath.get(entry.path) === entry) this.#byPath.delete(entry.path);
  }

  #spareOne(entry: Entry): void {
    this.#spare.add(entry);
    if (this.#spare.size <= this.#limit) return;
    const [oldest] = this.#spare;
    if (oldest === undefined) return;
    this.#spare.delete(oldest);
    this.#byId.delete(oldest.id);
  }
}

function folders(path: string): string[] {
  try {
    return readdirSync(path, { withFileTypes: true })
      .filter((each) => each.isDirectory())
      .map(({ name }) => name);
  } catch {
    return [];
  }
}
