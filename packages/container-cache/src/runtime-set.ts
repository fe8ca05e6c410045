import type { MonitorClock } from "@kernscope/perf";
import { parseCgroupPath } from "./cgroup-path.js";
import type { ContainerEntry } from "./container-entry.js";
import type { ContainerData } from "./container-info.js";
import type { ContainerRegistry } from "./container-registry.js";
import { ContainerRuntime, ContainerState } from "./container-state.js";
import type { ContainerCacheOptions } from "./options.js";
import { rankOf } from "./runtime-rank.js";
import { openSources } from "./runtimes/index.js";
import type { RuntimeContext, RuntimeSource, RuntimeStatus } from "./runtimes/runtime.js";

export interface RuntimeSetInit {
  readonly registry: ContainerRegistry;
  readonly options: ContainerCacheOptions;
  readonly clock: MonitorClock;
  readonly watched: () => Promise<void>;
  /** Where the hierarchy is mounted that perf events know; empty: nowhere. */
  readonly cgroupMount: string;
}

/** What recognises a cgroup's path. */
interface Recognised {
  readonly id: string;
  readonly runtime: ContainerRuntime;
  readonly path: string;
}

/** All runtimes of the host, and the way of what they say to the registry. */
export class RuntimeSet {
  readonly #init: RuntimeSetInit;
  readonly #sources: RuntimeSource[] = [];
  readonly #contexts = new Map<ContainerRuntime, RuntimeContext>();
  /** Milliseconds of Unix time: of what was there before nothing is told. */
  readonly #opened: number;
  #timer: NodeJS.Timeout | undefined;
  #failed = 0;
  #oversized = 0;

  constructor(init: RuntimeSetInit) {
    this.#init = init;
    this.#opened = init.clock.toUnixMillis(init.clock.now());
  }

  start(): void {
    const { options } = this.#init;
    this.#sources.push(...openSources(options.runtimes ?? {}, (source) => this.#context(source)));
    this.#sources.sort((a, b) => rankOf(b.runtime) - rankOf(a.runtime));
    for (const source of this.#sources) source.look();
    this.#timer = setInterval(() => this.#look(), options.lookInterval ?? 2000);
    this.#timer.unref();
  }

  async ready(): Promise<void> {
    await Promise.all(this.#sources.map(({ ready }) => ready));
  }

  status(): RuntimeStatus[] {
    return this.#sources.map(({ status }) => status);
  }

  counts(): { oversized: number; failedRequests: number } {
    return { oversized: this.#oversized, failedRequests: this.#failed };
  }

  /** Takes in the container that a path leads into, as far as a runtime can say at once that there is one; returns its id. */
  recognise(path: string): string | undefined {
    const found = this.#recognise(path);
    if (found === undefined) return undefined;
    // An OCI runtime knows no name but the id.
    const name = found.runtime === ContainerRuntime.Runc ? { name: found.id } : {};
    if (this.#init.registry.get(found.id)?.known !== true) {
      this.#contexts.get(found.runtime)?.update(found.id, { ...name, cgroupPath: found.path });
    }
    return found.id;
  }

  #recognise(path: string): Recognised | undefined {
    // A runtime that has just come is there before its first container.
    for (const source of this.#sources) if (!source.status.found) source.look();
    const [named] = parseCgroupPath(path);
    for (const source of this.#sources) {
      const { runtime } = source;
      if (named !== undefined && named.runtime !== ContainerRuntime.Unknown && named.runtime !== runtime) continue;
      const id = source.recognise(named?.path ?? path, named?.id);
      if (id !== undefined) return { id, runtime, path: named?.path ?? path };
    }
    return undefined;
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all(this.#sources.map((source) => source.close()));
  }

  #look(): void {
    for (const source of this.#sources) source.look();
    const { registry, options } = this.#init;
    registry.settleOlder(2 * (options.requestTimeout ?? 2000));
  }

  #context(source: { readonly runtime: ContainerRuntime }): RuntimeContext {
    const { registry, options, watched, cgroupMount } = this.#init;
    const told = new Set<string>();
    const remove = (id: string) => {
      told.delete(id);
      const entry = registry.get(id);
      if (entry !== undefined && rankOf(source.runtime) >= rankOf(entry.runtime)) registry.remove(entry);
    };
    const context: RuntimeContext = {
      update: (id, data, { settled = false, asOf } = {}) => {
        if (asOf !== undefined && registry.wasRemoved(id, asOf)) {
          registry.stale++;
          return;
        }
        const entry = registry.getOrCreate(id);
        if (entry === undefined) return;
        told.add(id);
        entry.unclaimed = false;
        this.#claim(entry, source.runtime, data, settled);
      },
      remove,
      reconcile: (ids, asOf) => {
        for (const id of [...told]) {
          const entry = registry.get(id);
          if (!ids.has(id) && (entry === undefined || entry.born < asOf)) remove(id);
        }
      },
      lookup: (id) => registry.get(id),
      watched,
      cgroupMount,
      opened: this.#opened,
      failed: () => void this.#failed++,
      oversized: () => void this.#oversized++,
      timeout: options.requestTimeout ?? 2000,
      maxConfig: options.maxConfig ?? 1 << 20,
      procRoot: options.procRoot ?? "/proc",
    };
    this.#contexts.set(source.runtime, context);
    return context;
  }

  #claim(entry: ContainerEntry, runtime: ContainerRuntime, data: ContainerData, settled: boolean): void {
    const { registry } = this.#init;
    const isOld = !entry.announced && data.createdTime !== undefined && data.createdTime < this.#opened;
    if (!isOld) {
      registry.claim(entry, runtime, data, { settled });
      return;
    }
    const startedSince = (data.startedTime ?? 0) > this.#opened;
    const before: ContainerData = startedSince
      ? { ...data, state: ContainerState.Created, startedTime: undefined }
      : data;
    registry.claim(entry, runtime, before, { settled, silent: true });
    if (startedSince) registry.claim(entry, runtime, data);
  }
}
