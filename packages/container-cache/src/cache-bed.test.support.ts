import { EventMonitor, type ExternalSample, type SampleId } from "@kernscope/perf";
import { ContainerCache } from "./container-cache.js";
import type { ContainerExitedEvent, ContainerUpdatedEvent } from "./container-events.js";
import type { ContainerInfo } from "./container-info.js";
import { ContainerStateNames } from "./container-state.js";
import type { ContainerCacheOptions, RuntimePlaces } from "./options.js";
import { nowhere } from "./testing/fake-host.js";

/**
 * Another path of `/bin/NAME`, which nobody else uses: tests may run at the same time, and the filter of a tracepoint knows
 * nothing but the path.
 */
export function ownPath(name: string): string {
  const bits = process.pid.toString(2);
  return `/bin/${bits.replaceAll("0", "./").replaceAll("1", "../bin/")}${name}`;
}

export interface SeenContainerEvent {
  readonly id: string;
  /** `created`, `running`, `exited 3`, `exited SIG9`, `destroyed`, `updated name`, `updated state=paused`. */
  readonly what: string;
  readonly container: ContainerInfo;
  readonly sample: SampleId;
}

/** A cache on the running kernel, and what it told. */
export class CacheBed implements AsyncDisposable {
  readonly seen: SeenContainerEvent[] = [];
  readonly monitor: EventMonitor;
  readonly cache: ContainerCache;
  readonly #running: Promise<void>;

  static async open(runtimes: RuntimePlaces, options: ContainerCacheOptions = {}): Promise<CacheBed> {
    const monitor = await EventMonitor.open();
    try {
      const places = { ...nowhere, ...runtimes };
      const cache = await ContainerCache.open(monitor, { lookInterval: 100, ...options, runtimes: places });
      const bed = new CacheBed(monitor, cache);
      await cache.ready;
      return bed;
    } catch (error) {
      await monitor.close();
      throw error;
    }
  }

  private constructor(monitor: EventMonitor, cache: ContainerCache) {
    this.monitor = monitor;
    this.cache = cache;
    const keep = (event: number, textOf: (data: never) => string) => {
      monitor.addHandler<{ container: ContainerInfo }>(event, (sample, data) => {
        const { pid, tid, cpu, cgroup, elapsed } = sample as ExternalSample;
        const { container } = data;
        const what = textOf(data as never);
        this.seen.push({ id: container.id, what, container, sample: { pid, tid, cpu, cgroup, elapsed } });
      });
    };
    keep(cache.createdEventId, () => "created");
    keep(cache.runningEventId, () => "running");
    keep(cache.exitedEventId, (data: ContainerExitedEvent) => {
      const { exitStatus, exitSignal, oomKilled } = data;
      return `exited ${exitSignal ? `SIG${exitSignal}` : exitStatus}${oomKilled ? " OOM" : ""}`;
    });
    keep(cache.destroyedEventId, () => "destroyed");
    keep(cache.updatedEventId, ({ changes, state }: ContainerUpdatedEvent) => {
      const texts = changes.map((field) => (field === "state" ? `state=${ContainerStateNames[state]}` : field));
      return `updated ${texts.join(" ")}`;
    });
    this.#running = monitor.run();
  }

  /** Notes for each execution of a file by that name which container the cache says it was in, at that moment. */
  attributions(filename: string): Promise<{ id: string | undefined; name: string | undefined }[]> {
    return this.attributionsOf("sched/sched_process_exec", `filename == "${filename}"`);
  }

  /** The same for the records of an event that pass a filter. */
  async attributionsOf(event: string, filter: string): Promise<{ id: string | undefined; name: string | undefined }[]> {
    const found: { id: string | undefined; name: string | undefined }[] = [];
    await this.monitor.registerTracepoint(
      event,
      (record) => {
        const container = this.cache.containerOfCgroup(record.cgroup);
        found.push({ id: container?.id, name: container?.name });
      },
      { filter, sample: { cgroup: true } },
    );
    return found;
  }

  /** What was told of a container. */
  of(id: string): string[] {
    return this.seen.filter((event) => event.id === id).map(({ what }) => what);
  }

  /** Waits until something holds, for 15 s at the most; says what was seen where it never does. */
  async until(holds: () => boolean, what = ""): Promise<void> {
    for (let turn = 0; turn < 1500 && !holds(); turn++) await new Promise((resolve) => setTimeout(resolve, 10));
    if (holds()) return;
    const lines = this.seen.map(({ id, what }) => `${id.slice(0, 12)} ${what}`);
    const { failedRequests, stale } = this.cache.stats();
    throw new Error(`${what} was not seen; failed ${failedRequests}, stale ${stale}, events:\n${lines.join("\n")}`);
  }

  /** Waits until an event of a container was told. */
  async seeing(id: string, what: string): Promise<void> {
    await this.until(() => this.of(id).includes(what), `${id} ${what}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.monitor.stop();
    await this.#running;
    await this.cache.close();
    await this.monitor.close();
  }
}
