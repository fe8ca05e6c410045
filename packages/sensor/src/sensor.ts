import { ContainerCache, type ContainerCacheOptions } from "@kernscope/container-cache";
import { EventMonitor, type EventMonitorOptions, Tracefs } from "@kernscope/perf";
import { type ProcessCacheOptions, ProcessInfoCache, type Task } from "@kernscope/process-cache";
import { Envelope } from "./envelope.js";
import { SensorError, toSensorError } from "./errors.js";
import type { GapTeller } from "./event-queue.js";
import { KernelSupport } from "./kernel-support.js";
import { LossTeller } from "./loss-teller.js";
import type { MetricsCounters } from "./metrics.js";
import { planRequest, refusalOf, silenceStatus, statusOf } from "./plan-request.js";
import { ProbeCanary } from "./probe-canary.js";
import { SourceRegistry } from "./source-registry.js";
import { Subscription } from "./subscription.js";
import type { SubscriptionRequest } from "./subscription-request.js";

/** How a sensor is opened; all of it can be left out. */
export interface SensorOptions {
  /** Stands in every event. Default: 16 random hexadecimal digits. */
  id?: string;
  /** Of the monitor that takes the kernel's events in: rings, what is watched. Default: the whole host. */
  monitor?: EventMonitorOptions;
  /** Of the cache that knows the processes. */
  processCache?: ProcessCacheOptions;
  /** Of the cache that knows the containers: where runtimes are looked for, and its bounds. */
  containerCache?: ContainerCacheOptions;
}

/** What a sensor is made of. */
interface SensorParts {
  readonly monitor: EventMonitor;
  readonly kernel: KernelSupport;
  readonly processCache: ProcessInfoCache;
  readonly containerCache: ContainerCache | undefined;
  /** Its monitor watches the running kernel. */
  readonly real: boolean;
}

/** Milliseconds that an event waits for others at the most where few come: what a subscriber far away does not notice. */
const QUICK_TICK = 1.5;
/** Records that make it worth handing them out: with fewer, most of what they cost is the hand-out. */
const BATCH = 256;
/** Milliseconds between two looks at the loss counts: subscribers hear of a loss within a second, however busy the host. */
const LOSS_INTERVAL = 500;

/**
 * Watches a host: kernel events through one monitor, in time order, past the caches that know who did it, to whoever
 * subscribed. The sensor's own activity makes no events.
 */
export class Sensor implements AsyncDisposable {
  readonly id: string;
  readonly monitor: EventMonitor;
  readonly processCache: ProcessInfoCache;
  /** For those who queue this sensor's events elsewhere: numbers and events for what found no room there. */
  readonly gaps: GapTeller;
  /** `undefined` where the kernel does not tell of cgroups. */
  readonly containerCache: ContainerCache | undefined;
  readonly #envelope: Envelope;
  readonly #kernel: KernelSupport;
  readonly #sources: SourceRegistry;
  readonly #losses: LossTeller;
  readonly #real: boolean;
  readonly #subscriptions = new Set<Subscription>();
  #canary: ProbeCanary | undefined;
  readonly #counters = { delivered: 0, dropped: 0 };
  #starting: Promise<void> | undefined;
  #running: Promise<void> = Promise.resolve();
  #stopping: Promise<void> | undefined;
  #failure: SensorError | undefined;
  #onFailure: (error: SensorError) => void = () => {};
  /** Resolves with the reason when the sensor ends by itself. */
  readonly failed: Promise<SensorError>;

  /**
   * Opens the kernel's events and the caches; nothing flows before {@link Sensor.start}.
   *
   * @throws SensorError `permission`, `unsupported`, `system`
   */
  static async open(options: SensorOptions = {}): Promise<Sensor> {
    let monitor: EventMonitor | undefined;
    try {
      const tracing = options.monitor?.tracing ?? (await Tracefs.open(options.monitor?.tracingDirectory));
      // The monitor closes it.
      const quickTick = Math.min(QUICK_TICK, options.monitor?.tick ?? QUICK_TICK);
      monitor = await EventMonitor.open({
        quickTick,
        batch: BATCH,
        lossInterval: LOSS_INTERVAL,
        ...options.monitor,
        tracing,
      });
      const kernel = await KernelSupport.open(tracing);
      let containerCache: ContainerCache | undefined;
      const containerOf = ({ cgroupId }: Task) => {
        const info = containerCache?.containerOfCgroup(cgroupId);
        return info && { id: info.id, info };
      };
      const processCache = await ProcessInfoCache.open(monitor, { containerOf, ...options.processCache });
      if (kernel.hasCgroups) {
        containerCache = await ContainerCache.open(monitor, { processes: processCache, ...options.containerCache });
      }
      const real = options.monitor?.source === undefined;
      return new Sensor({ monitor, kernel, processCache, containerCache, real }, options);
    } catch (error) {
      await monitor?.close();
      throw toSensorError(error);
    }
  }

  private constructor(parts: SensorParts, options: SensorOptions) {
    const { monitor, kernel, processCache, containerCache, real } = parts;
    this.#real = real;
    this.monitor = monitor;
    this.processCache = processCache;
    this.containerCache = containerCache;
    this.#kernel = kernel;
    const envelope = new Envelope(monitor.clock, processCache, options.id);
    this.#envelope = envelope;
    this.id = envelope.sensorId;
    this.gaps = { nextSequenceNumber: () => envelope.nextSequenceNumber(), toEvent: envelope.ofGap.bind(envelope) };
    const ownPid = process.pid;
    this.#sources = new SourceRegistry(
      { monitor, processCache, containerCache },
      {
        envelope,
        isOwn: (task) => task.tgid === ownPid,
        containerOf: (cgroup, task) => containerCache?.containerOfCgroup(cgroup === 0 ? task.cgroupId : cgroup),
        containerOfCgroup: (cgroup) => containerCache?.containerOfCgroup(cgroup),
      },
    );
    this.#losses = new LossTeller({ monitor, envelope, sources: this.#sources, subscriptions: this.#subscriptions });
    this.failed = new Promise((resolve) => {
      this.#onFailure = resolve;
    });
    monitor.onBatchEnd(() => {
      envelope.refresh();
      for (const subscription of this.#subscriptions) subscription.flush();
    });
  }

  /** The kernel has probes, and they do not fire: somebody disarmed them. Subscribers are told, within two seconds. */
  get probesSilent(): boolean {
    return this.#canary?.silent ?? false;
  }

  /** It was told to stop, and ends all subscriptions, whatever they asked for. */
  get stopping(): boolean {
    return this.#stopping !== undefined;
  }

  /** Lets events flow; resolves when the processes that were there before are known. */
  start(): Promise<void> {
    this.#starting ??= this.#start();
    return this.#starting;
  }

  /** Ends all subscriptions behind what they have waiting, and gives everything back. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  /**
   * Subscribes to events. The request is checked whole before anything is acquired for it.
   *
   * @throws SensorError `invalid`, `unimplemented`, `closed`
   */
  async newSubscription(request: SubscriptionRequest): Promise<Subscription> {
    this.#assertOpen("newSubscription");
    const planned = await planRequest(request, this.#kernel);
    this.#assertOpen("newSubscription");
    const subscription = new Subscription(planned, this.gaps, () => {
      this.#subscriptions.delete(subscription);
      this.#sources.remove(subscription);
      this.#counters.dropped += subscription.counters.dropped;
    });
    this.#subscriptions.add(subscription);
    try {
      const failures = await this.#sources.add(subscription, planned.sources);
      const refusals = failures.map(({ planned, reason }) => refusalOf(reason, planned.filter));
      if (refusals.length === planned.sources.length) throw refusals[0];
      subscription.addStatuses([...refusals.map(statusOf), ...(this.probesSilent ? silenceStatus(planned) : [])]);
      this.#assertOpen("newSubscription");
    } catch (error) {
      subscription.close();
      throw toSensorError(error);
    }
    return subscription;
  }

  /** What the sensor did so far. */
  metrics(): MetricsCounters {
    let queued = 0;
    let dropped = this.#counters.dropped;
    for (const subscription of this.#subscriptions) {
      queued += subscription.queued;
      dropped += subscription.counters.dropped;
    }
    return {
      events: this.#envelope.count,
      subscriptions: this.#subscriptions.size,
      sources: this.#sources.size,
      queued,
      dropped,
      lost: this.#losses.lost,
    };
  }

  async #start(): Promise<void> {
    this.#assertOpen("start");
    this.#running = this.monitor.run().catch((error) => this.#fail(error));
    try {
      await Promise.all([this.processCache.ready, this.containerCache?.ready]);
      if (this.#real) await this.#watchProbes();
    } catch (error) {
      throw toSensorError(error);
    }
  }

  async #watchProbes(): Promise<void> {
    const onSilence = (from: number, to: number) => this.#losses.probesSilent(from, to);
    this.#canary = await ProbeCanary.open({ monitor: this.monitor, kernel: this.#kernel, onSilence });
    if (this.#stopping !== undefined) this.#canary?.stop();
  }

  async #stop(): Promise<void> {
    this.#canary?.stop();
    try {
      // What happened before this call is still handed out, and what was lost told.
      await this.monitor.stop();
    } finally {
      this.#losses.stop();
      for (const subscription of [...this.#subscriptions]) subscription.end();
      await this.containerCache?.close();
      await this.processCache.close();
      await this.monitor.close();
      await this.#running;
    }
  }

  /** A handler threw: nobody can tell what was lost, so every subscriber is told that it ends here. */
  #fail(cause: unknown): void {
    this.#failure = toSensorError(cause);
    for (const subscription of [...this.#subscriptions]) subscription.end(this.#failure);
    this.#onFailure(this.#failure);
  }

  #assertOpen(operation: string): void {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#stopping === undefined) return;
    throw new SensorError("closed", `${operation}(sensor ${this.id}): it was stopped – open another one`);
  }
}
