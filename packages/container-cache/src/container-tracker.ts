import { existsSync } from "node:fs";
import type { EventMonitor, SampleId, SampleRecord } from "@kernscope/perf";
import { type CgroupHierarchy, findPerfHierarchy, scanCgroups } from "./cgroup-hierarchy.js";
import { parseCgroupPath } from "./cgroup-path.js";
import { type Cgroup, CgroupTable } from "./cgroup-table.js";
import type { ContainerEntry } from "./container-entry.js";
import type { ContainerCacheEvents } from "./container-events.js";
import { unknownEnd } from "./container-lifecycle.js";
import { type ContainerProbes, registerContainerProbes, unregisterContainerProbes } from "./container-probes.js";
import { ContainerRegistry } from "./container-registry.js";
import { ContainerRuntime, ContainerState } from "./container-state.js";
import { ProcessEnds } from "./init-end.js";
import { OciProcesses } from "./oci-processes.js";
import type { ContainerCacheOptions, ContainerCacheStats } from "./options.js";
import { RecentEnds } from "./recent-ends.js";
import { rankOf } from "./runtime-rank.js";
import { RuntimeSet } from "./runtime-set.js";
import type { RuntimeStatus } from "./runtimes/runtime.js";

/** How often a container is sought for a cgroup of which none is known, at most. */
const SEEK_LIMIT = 8;
/** How a runtime names the file when it executes itself. */
const RUNTIME_FILE = /^(?:\/proc\/self\/(?:exe$|fd\/)|\/dev\/fd\/|\/?memfd:)/;
/** Milliseconds after which a container is gone whose cgroup is, and of which no runtime has told. */
const REMOVAL_TIME = 1000;
/** Ids that OCI runtimes accept. */
const OCI_ID = /^[\w+.-]{1,255}$/;
/** Milliseconds for which the kernel's word on an end and the runtime's wait for each other. */
const PATIENCE = 500;

/** Joins what the kernel tells of cgroups and processes with what the runtimes tell of containers. */
export class ContainerTracker {
  readonly registry: ContainerRegistry;
  readonly ready: Promise<void>;
  readonly #monitor: EventMonitor;
  readonly #table: CgroupTable;
  readonly #byPath = new Map<string, ContainerEntry>();
  readonly #ends = new ProcessEnds();
  readonly #recent = new RecentEnds();
  readonly #ociProcesses = new OciProcesses();
  readonly #removals = new Set<NodeJS.Timeout>();
  readonly #runtimes: RuntimeSet;
  readonly #procRoot: string;
  readonly #abort = new AbortController();
  #hierarchy: CgroupHierarchy;
  #probes: ContainerProbes | undefined;
  #watching: Promise<void> | undefined;

  static async open(
    monitor: EventMonitor,
    events: ContainerCacheEvents,
    options: ContainerCacheOptions,
  ): Promise<ContainerTracker> {
    const tracker = new ContainerTracker(monitor, events, options);
    try {
      tracker.#probes = await registerContainerProbes(monitor, tracker.#handlers(), tracker.#ends);
    } catch (error) {
      await tracker.close();
      throw error;
    }
    tracker.#runtimes.start();
    (tracker as { ready: Promise<void> }).ready = tracker.#takeIn();
    return tracker;
  }

  private constructor(monitor: EventMonitor, events: ContainerCacheEvents, options: ContainerCacheOptions) {
    this.#monitor = monitor;
    this.#procRoot = options.procRoot ?? "/proc";
    this.#hierarchy = findPerfHierarchy(this.#procRoot);
    this.ready = Promise.resolve();
    this.#table = new CgroupTable({
      grace: (options.grace ?? 5000) * 1e6,
      resolve: (path) => this.#containerAt(path),
    });
    this.registry = new ContainerRegistry({
      monitor,
      events,
      maxContainers: options.maxContainers ?? 16_384,
      patience: PATIENCE,
      lives: (pid) => existsSync(`${this.#procRoot}/${pid}`),
      endOf: (pid) => this.#recent.get(pid),
      onKnown: (entry) => this.#known(entry),
      onGone: (entry) => this.#gone(entry),
    });
    this.#runtimes = new RuntimeSet({
      cgroupMount: this.#hierarchy.mount ?? "",
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
    let unknownCgroups = 0;
    for (const { container, path, removedAt } of this.#table.all()) {
      const gone = removedAt !== Number.POSITIVE_INFINITY;
      if (container === undefined && !gone && parseCgroupPath(path).length > 0) unknownCgroups++;
    }
    return {
      containers: all.length,
      running: all.filter(({ isRunning }) => isRunning).length,
      cgroups: this.#table.size,
      unknownCgroups,
      refused: this.registry.refused,
      stale: this.registry.stale,
      ...this.#runtimes.counts(),
    };
  }

  async close(): Promise<void> {
    this.#abort.abort();
    for (const timer of this.#removals) clearTimeout(timer);
    await this.#runtimes.close();
    await this.ready;
    await this.#watching;
    this.registry.flush();
    if (this.#probes !== undefined) await unregisterContainerProbes(this.#monitor, this.#probes);
  }

  async #takeIn(): Promise<void> {
    await Promise.all([this.#scan(), this.#runtimes.ready()]);
    this.#table.relink();
  }

  async #scan(): Promise<void> {
    const { mount } = this.#hierarchy;
    if (mount === undefined) return;
    await scanCgroups(mount, (id, path) => this.#table.add(id, path), this.#abort.signal);
  }

  /** Lets the kernel tell of processes; before there is a runtime nobody pays for that. */
  #watch(): Promise<void> {
    if (this.#probes === undefined) return Promise.resolve();
    this.#watching ??= this.#monitor.enable(this.#probes.processes);
    return this.#watching;
  }

  #handlers() {
    const isOurs = (root: number) => root === this.#hierarchy.id;
    return {
      cgroupMade: (root: number, id: number, path: string, record: SampleRecord) => {
        if (!isOurs(root)) return;
        const isOci = this.#ociProcesses.has(record.pid);
        if (isOci) this.#giveUpParent(path);
        const cgroup = this.#table.add(id, path);
        if (cgroup.container === undefined) this.#seek(cgroup);
        if (cgroup.container === undefined && isOci) this.#adopt(path);
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
      executed: (record: SampleRecord, data: { readonly filename: string }) => this.#executed(record, data),
      ended: (record: SampleRecord) => this.#ended(record),
    };
  }

  #executed(record: SampleRecord, data: { readonly filename: string }): void {
    const { cgroup, pid } = record;
    this.#ociProcesses.executed(pid, data.filename);
    const container = this.containerOfCgroup(cgroup);
    if (container === undefined || container.state === ContainerState.Removing) return;
    if (container.isRunning) {
      if (container.pid === pid) container.cgroupId = cgroup;
      return;
    }
    // What is executed after the end of the first process, in the same cgroup, is not its beginning.
    if (container.cgroupId === cgroup || container.endedPid === pid) return;
    if (this.#monitor.clock.toUnixMillis(record.elapsed) <= container.runEnd) return;
    // runc executes a sealed copy of itself within the container's cgroup before the container's program.
    if (RUNTIME_FILE.test(data.filename)) return;
    this.registry.began(container, record.sampleId());
  }

  #ended(record: SampleRecord): void {
    const seen = { end: this.#ends.processLeft(record), sample: record.sampleId() };
    this.#recent.add(record.pid, seen);
    this.#ociProcesses.ended(record.pid);
    const container = this.registry.byPid.get(record.pid);
    if (container !== undefined) this.registry.ended(container, seen);
  }

  /** Takes a cgroup that an OCI runtime made for a container of which nobody has told yet. */
  #adopt(path: string): void {
    const [named] = parseCgroupPath(path);
    const id = named?.id ?? path.slice(path.lastIndexOf("/") + 1);
    const entry = OCI_ID.test(id) ? this.registry.getOrCreate(id) : undefined;
    if (entry === undefined || entry.known) return;
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
