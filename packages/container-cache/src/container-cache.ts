import type { EventId, EventMonitor, SampleId } from "@kernscope/perf";
import type { ContainerCacheEvents } from "./container-events.js";
import type { ContainerInfo } from "./container-info.js";
import type { ContainerRuntime } from "./container-state.js";
import { ContainerTracker } from "./container-tracker.js";
import { ContainerCacheError } from "./errors.js";
import type { ContainerCacheOptions, ContainerCacheStats } from "./options.js";
import type { RuntimeStatus } from "./runtimes/runtime.js";

/**
 * Knows every container of the host and which cgroup is whose, as of the record that the monitor is handing out. It
 * registers its own events at the monitor, and publishes what it learns as external events in the same stream. Where
 * there is no container runtime it costs the host nothing.
 */
export class ContainerCache implements AsyncDisposable {
  /** {@link ContainerCreatedEvent} */
  readonly createdEventId: EventId;
  /** {@link ContainerRunningEvent} */
  readonly runningEventId: EventId;
  /** {@link ContainerExitedEvent} */
  readonly exitedEventId: EventId;
  /** {@link ContainerDestroyedEvent} */
  readonly destroyedEventId: EventId;
  /** {@link ContainerUpdatedEvent} */
  readonly updatedEventId: EventId;
  /**
   * Resolves when the containers that were there before have been taken in from each runtime that answers; nothing is
   * told of those. It never rejects.
   */
  readonly ready: Promise<void>;
  readonly #monitor: EventMonitor;
  readonly #tracker: ContainerTracker;
  #closing: Promise<void> | undefined;

  /**
   * Registers the events and looks for runtimes. The monitor need not run yet.
   *
   * @throws ContainerCacheError `invalid`; PerfError where the kernel lacks the events of cgroups or processes, or
   *   refuses them
   */
  static async open(monitor: EventMonitor, options: ContainerCacheOptions = {}): Promise<ContainerCache> {
    checkOptions(options);
    const events: ContainerCacheEvents = {
      created: monitor.registerExternalEvent("container/created"),
      running: monitor.registerExternalEvent("container/running"),
      exited: monitor.registerExternalEvent("container/exited"),
      destroyed: monitor.registerExternalEvent("container/destroyed"),
      updated: monitor.registerExternalEvent("container/updated"),
    };
    try {
      return new ContainerCache(monitor, events, await ContainerTracker.open(monitor, events, options));
    } catch (error) {
      for (const id of Object.values(events)) await monitor.unregister(id);
      throw error;
    }
  }

  private constructor(monitor: EventMonitor, events: ContainerCacheEvents, tracker: ContainerTracker) {
    this.#monitor = monitor;
    this.#tracker = tracker;
    this.createdEventId = events.created;
    this.runningEventId = events.running;
    this.exitedEventId = events.exited;
    this.destroyedEventId = events.destroyed;
    this.updatedEventId = events.updated;
    this.ready = tracker.ready;
  }

  /** The container with that id; with `create` one is made that nothing is known of yet. */
  lookupContainer(id: string, options: { create: true }): ContainerInfo;
  lookupContainer(id: string, options?: { create?: boolean }): ContainerInfo | undefined;
  lookupContainer(id: string, { create = false }: { create?: boolean } = {}): ContainerInfo | undefined {
    const { registry } = this.#tracker;
    if (!create) return registry.get(id);
    const entry = id === "" ? undefined : registry.getOrCreate(id);
    if (entry !== undefined) return entry;
    throw new ContainerCacheError(
      "invalid",
      `lookupContainer(${JSON.stringify(id)}): ${id === "" ? "an id is not empty" : "too many containers – raise maxContainers"}`,
    );
  }

  /**
   * The innermost container that a runtime knows of to which a cgroup belongs, by its id as samples have it
   * (`record.cgroup`). A removed cgroup is found for `grace` milliseconds more.
   */
  containerOfCgroup(cgroupId: number): ContainerInfo | undefined {
    return this.#tracker.containerOfCgroup(cgroupId);
  }

  /** As {@link containerOfCgroup}, by the path below the hierarchy's mount, as in /proc/PID/cgroup. */
  containerOfPath(cgroupPath: string): ContainerInfo | undefined {
    return this.#tracker.containerOfPath(cgroupPath);
  }

  /**
   * Says that a container is not there any more; told by `destroyedEventId`. What a runtime says of the container of
   * one that knows better is ignored.
   */
  deleteContainer(id: string, runtime: ContainerRuntime, sampleId: SampleId): void {
    this.#tracker.remove(id, runtime, sampleId);
  }

  /** The known containers. */
  containers(): ContainerInfo[] {
    return this.#tracker.registry.all();
  }

  /** What runtimes were looked for, and what came of it. */
  runtimes(): RuntimeStatus[] {
    return this.#tracker.runtimes();
  }

  stats(): ContainerCacheStats {
    return this.#tracker.stats();
  }

  /** Gives everything back that was registered at the monitor, which stays open. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    await this.#tracker.close();
    const ids = [this.createdEventId, this.runningEventId, this.exitedEventId, this.destroyedEventId];
    for (const id of [...ids, this.updatedEventId]) await this.#monitor.unregister(id);
  }
}

function checkOptions(options: ContainerCacheOptions): void {
  const lowest = { lookInterval: 10, requestTimeout: 1, maxConfig: 1, maxContainers: 1, grace: 0 } as const;
  for (const [name, least] of Object.entries(lowest)) {
    const value = options[name as keyof typeof lowest];
    if (value !== undefined && !(value >= least && value < 2 ** 31)) {
      throw new ContainerCacheError("invalid", `open(${name}): ${value} – must be a number from ${least} to 2^31 − 1`);
    }
  }
}
