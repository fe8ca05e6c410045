import type { EventGroup, EventMonitor, SampleId, SampleRecord } from "@kernscope/perf";
import { parseCgroupPath } from "./cgroup-path.js";
import type { Cgroup, CgroupTable } from "./cgroup-table.js";
import { CgroupTree } from "./cgroup-tree.js";
import type { ContainerEntry } from "./container-entry.js";
import type { ContainerCacheEvents } from "./container-events.js";
import { type RunEnd, unknownEnd } from "./container-lifecycle.js";
import { registerCgroupProbes } from "./container-probes.js";
import { ContainerRegistry } from "./container-registry.js";
import { ContainerRuntime, ContainerState } from "./container-state.js";
import { isRuntimesOwn, OciProcesses } from "./oci-processes.js";
import type { ContainerCacheOptions, ContainerCacheStats } from "./options.js";
import { ProcessLook } from "./process-look.js";
import { ProcessWatch } from "./process-watch.js";
import { RecentEnds } from "./recent-ends.js";
import { rankOf } from "./runtime-rank.js";
import { RuntimeSet } from "./runtime-set.js";
import type { RuntimeStatus } from "./runtimes/runtime.js";

/** Milliseconds between two repairs at least. */
const REPAIR_PAUSE = 5000;
/** How often a container is sought for a cgroup of which none is known, at most. */
const SEEK_LIMIT = 8;
/** Milliseconds after which a container is gone whose cgroup is, and of which no runtime has told. */
const REMOVAL_TIME = 1000;

/** Joins what the kernel tells of cgroups and processes with what the runtimes tell of containers. */
export class ContainerTracker {
  readonly registry: ContainerRegistry;
  readonly ready: Promise<void>;
  readonly #monitor: EventMonitor;
  readonly #tree: CgroupTree;
  readonly #table: CgroupTable;
  readonly #byPath = new Map<string, ContainerEntry>();
  readonly #recent = new RecentEnds();
  readonly #ociProcesses: OciProcesses;
  readonly #removals = new Set<NodeJS.Timeout>();
  readonly #runtimes: RuntimeSet;
  readonly #abort = new AbortController();
  #cgroups: EventGroup | undefined;
  #processes: ProcessWatch | undefined;
  #repairing: Promise<void> | undefined;
  #repaired = Number.NEGATIVE_INFINITY;
  #stopRepairs = () => {};

  static async open(
    monitor: EventMonitor,
    events: ContainerCacheEvents,
    options: ContainerCacheOptions,
  ): Promise<ContainerTracker> {
    const tracker = new ContainerTracker(monitor, events, options);
    try {
      tracker.#processes = await ProcessWatch.open(monitor, tracker.#processHandlers(), options.processes);
      tracker.#cgroups = await registerCgroupProbes(monitor, tracker.#cgroupHandlers());
    } catch (error) {
      await tracker.close();
      throw error;
    }
    tracker.#stopRepairs = monitor.onLoss(() => tracker.#repair());
    tracker.#runtimes.start();
    (tracker as { ready: Promise<void> }).ready = tracker.#takeIn();
    return tracker;
  }

  private constructor(monitor: EventMonitor, events: ContainerCacheEvents, options: ContainerCacheOptions) {
    this.#monitor = monitor;
    const procRoot = options.procRoot ?? "/proc";
    this.#ociProcesses = new OciProcesses(procRoot);
    this.ready = Promise.resolve();
    const resolve = (path: string) => this.#containerAt(path);
    this.#tree = new CgroupTree(procRoot, { grace: (options.grace ?? 5000) * 1e6, resolve }, this.#abort.signal);
    this.#table = this.#tree.table;
    this.registry = new ContainerRegistry({
      monitor,
      events,
      maxContainers: options.maxContainers ?? 16_384,
      processes: new ProcessLook(procRoot),
      endOf: (pid) => this.#recent.get(pid),
      onKnown: (entry) => this.#known(entry),
      onGone: (entry) => this.#gone(entry),
    });
    this.#runtimes = new RuntimeSet({
      cgroupMount: this.#tree.mount,
      registry: this.registry,
      options,
      watched: () => this.#watch(),
      clock: monitor.clock,
    });
  }

  containerOfCgroup(id: number): ContainerEntry | undefined {
    const cgroup = this.#table.get(id);
    if (cgroup === undefined) return undefined;
    return cgroup.container ?? this.#seek(cgroup);
  }

  containerOfPath(path: string): ContainerEntry | undefined {
    return this.#containerAt(path) ?? this.#recognise(path);
  }

  remove(id: string, runtime: ContainerRuntime, sampleId: SampleId): void {
    const entry = this.registry.get(id);
    if (entry === undefined) return;
    if (runtime === ContainerRuntime.Unknown || rankOf(runtime) >= rankOf(entry.runtime)) {
      this.registry.remove(entry, sampleId);
    }
  }

  runtimes(): RuntimeStatus[] {
    return this.#runtimes.status();
  }

  stats(): ContainerCacheStats {
    const all = this.registry.all();
    const { refused, stale } = this.registry;
    return {
      containers: all.length,
      running: all.filter(({ isRunning }) => isRunning).length,
      cgroups: this.#table.size,
      unknownCgroups: this.#table.count(({ container, path }) => !container && parseCgroupPath(path).length > 0),
      refused,
      stale,
      ...this.#runtimes.counts(),
    };
  }

  async close(): Promise<void> {
    this.#abort.abort();
    this.#stopRepairs();
    for (const timer of this.#removals) clearTimeout(timer);
    await this.#runtimes.close();
    await this.ready;
    await this.#repairing;
    this.registry.close();
    const unregister = this.#cgroups && this.#monitor.unregister(this.#cgroups);
    await Promise.all([unregister, this.#processes?.close()]);
  }

  async #takeIn(): Promise<void> {
    await Promise.all([this.#tree.scan(this.#now), this.#runtimes.ready()]);
    this.#table.relink();
  }

  readonly #now = () => this.#monitor.clock.now();

  /** Records were lost: cgroups may have come and gone, and containers have ended. */
  #repair(): void {
    if (this.#repairing !== undefined || performance.now() - this.#repaired < REPAIR_PAUSE) return;
    this.#repaired = performance.now();
    this.#repairing = this.#tree.scan(this.#now).then(() => {
      this.#repairing = undefined;
      if (!this.#abort.signal.aborted) this.registry.endMissing();
    });
  }

  /** Lets the kernel tell of processes; before there is a runtime nobody pays for that. */
  #watch(): Promise<void> {
    return this.#processes?.start() ?? Promise.resolve();
  }

  #processHandlers() {
    return {
      executed: (sample: SampleId, filename: string) => this.#executed(sample, filename),
      ended: (sample: SampleId, end: RunEnd) => this.#ended(sample, end),
    };
  }

  #cgroupHandlers() {
    const isOurs = (root: number) => this.#tree.has(root);
    return {
      cgroupMade: (root: number, id: number, path: string, record: SampleRecord) => {
        if (!isOurs(root)) return;
        const isOci = this.#ociProcesses.has(record.pid);
        if (isOci) this.#giveUpParent(path);
        const cgroup = this.#table.add(id, path);
        // A look through all may have found it before its record came.
        cgroup.sought = 0;
        if (cgroup.container === undefined) this.#seek(cgroup);
        if (cgroup.container === undefined && isOci) this.#adopt(path, record.pid);
      },
      cgroupRemoved: (root: number, id: number, record: SampleRecord) => {
        if (!isOurs(root)) return;
        const removed = this.#table.remove(id, record.elapsed);
        const container = removed?.container;
        if (container?.unclaimed && container.cgroupPath === removed?.path) this.#removeLater(container);
        // Its end was not seen: the record was lost.
        if (container?.isRunning && container.cgroupPath === removed?.path) {
          this.registry.ended(container, { end: unknownEnd, sample: record.sampleId() });
        }
      },
      cgroupFrozen: (root: number, id: number, frozen: boolean, record: SampleRecord) => {
        const cgroup = isOurs(root) ? this.#table.get(id) : undefined;
        const container = cgroup?.container;
        if (container?.isRunning && container.cgroupPath === cgroup?.path) {
          const state = frozen ? ContainerState.Paused : ContainerState.Running;
          this.registry.claim(container, container.runtime, { state }, { sampleId: record.sampleId() });
        }
      },
      hierarchiesChanged: () => void this.#tree.hierarchyChanged(this.#now),
    };
  }

  #executed(sample: SampleId, filename: string): void {
    const { cgroup, pid } = sample;
    this.#ociProcesses.executed(pid, filename);
    const container = this.containerOfCgroup(cgroup);
    if (container === undefined || container.state === ContainerState.Removing) return;
    if (container.isRunning) {
      if (container.pid === pid) container.cgroupId = cgroup;
      return;
    }
    // What is executed after the end of the first process, in the same cgroup, is not its beginning.
    if (container.cgroupId === cgroup || container.endedPid === pid) return;
    if (this.#monitor.clock.toUnixMillis(sample.elapsed) <= container.runEnd) return;
    if (isRuntimesOwn(filename)) return;
    const { tid, cpu, elapsed } = sample;
    this.registry.began(container, { pid, tid, cpu, cgroup, elapsed });
  }

  #ended(sample: SampleId, end: RunEnd): void {
    const seen = { end, sample };
    this.#recent.add(sample.pid, seen);
    this.#ociProcesses.ended(sample.pid);
    const container = this.registry.byPid.get(sample.pid);
    if (container !== undefined) this.registry.ended(container, seen);
  }

  /** Takes a cgroup that an OCI runtime made for a container of which nobody has told yet. */
  #adopt(path: string, pid: number): void {
    const [named] = parseCgroupPath(path);
    const id = named?.id ?? this.#ociProcesses.idFor(pid, path);
    const entry = id === undefined ? undefined : this.registry.getOrCreate(id);
    if (id === undefined || entry === undefined || entry.known) return;
    entry.unclaimed = true;
    const runtime = named?.runtime || ContainerRuntime.Runc;
    this.registry.claim(entry, runtime, { name: named === undefined ? id : "", cgroupPath: named?.path ?? path });
  }

  /** A cgroup that is made on the way to another one is no container's. */
  #giveUpParent(path: string): void {
    const parent = this.#byPath.get(path.slice(0, path.lastIndexOf("/")));
    if (parent?.unclaimed && !parent.announced) this.registry.remove(parent, undefined, true);
  }

  /** Its runtime may be slower than the kernel. */
  #removeLater(container: ContainerEntry): void {
    const timer = setTimeout(() => {
      this.#removals.delete(timer);
      if (container.unclaimed) this.registry.remove(container);
    }, REMOVAL_TIME);
    timer.unref();
    this.#removals.add(timer);
  }

  #seek(cgroup: Cgroup): ContainerEntry | undefined {
    if (cgroup.sought >= SEEK_LIMIT || cgroup.path === "/") return undefined;
    cgroup.sought++;
    cgroup.container = this.#recognise(cgroup.path) ?? this.#containerAt(cgroup.path);
    return cgroup.container;
  }

  /** Asks the runtimes, as far as they can answer at once, and remembers what they say. */
  #recognise(path: string): ContainerEntry | undefined {
    const id = this.#runtimes.recognise(path);
    return id === undefined ? undefined : this.registry.get(id);
  }

  /**
   * The known container that a path leads into. Only the outermost name in it counts: what lies within a container was
   * made by that.
   */
  #containerAt(path: string): ContainerEntry | undefined {
    const [named] = parseCgroupPath(path);
    const entry = named && this.registry.get(named.id);
    if (entry?.known && entry.cgroupPath === "") {
      entry.cgroupPath = named?.path ?? "";
      this.#link(entry);
    }
    for (let end = path.length; end > 0; end = path.lastIndexOf("/", end - 1)) {
      const found = this.#byPath.get(path.slice(0, end));
      if (found !== undefined) return found;
    }
    return undefined;
  }

  #known(entry: ContainerEntry): void {
    this.#link(entry);
    this.#table.relink(entry.cgroupPath === "" ? undefined : entry.cgroupPath);
  }

  #link(entry: ContainerEntry): void {
    if (this.#byPath.get(entry.linkedPath) === entry) this.#byPath.delete(entry.linkedPath);
    entry.linkedPath = entry.cgroupPath;
    if (entry.cgroupPath !== "") this.#byPath.set(entry.cgroupPath, entry);
  }

  #gone(entry: ContainerEntry): void {
    if (this.#byPath.get(entry.linkedPath) === entry) this.#byPath.delete(entry.linkedPath);
    this.#table.relink();
  }
}
