import { openReader, type RecordSource, type SourceStats } from "@kernscope/perf-native";
import { MonitorClock } from "./clock.js";
import type { Counter } from "./counter.js";
import { type CounterGroupOptions, type CounterHandler, type CounterReading, counterReading } from "./counter-group.js";
import { CpuFollower } from "./cpu-follower.js";
import { Dispatcher } from "./dispatcher.js";
import { toPerfError } from "./errno.js";
import { PerfError } from "./errors.js";
import { EventGroup } from "./event-group.js";
import { EventTable } from "./event-table.js";
import { ExternalQueue } from "./external-queue.js";
import { FieldDecoder, type TraceFields } from "./field-decoder.js";
import { KernelEvents } from "./kernel-events.js";
import { LossAccount } from "./loss.js";
import type { LossReport } from "./loss-report.js";
import type { EventMonitorOptions, RegistrationOptions } from "./monitor-options.js";
import { type KprobeOptions, kprobeRequest, type ProbeOptions } from "./probe.js";
import { ProbeRegistry } from "./probe-registry.js";
import { RawMemory } from "./raw-memory.js";
import type { EventId, SampleId } from "./record.js";
import { Registrar } from "./registrar.js";
import type { AnyHandler, ExternalHandler, SampleHandler } from "./registration.js";
import { RunState } from "./run-state.js";
import { SampleRecord } from "./sample-record.js";
import type { SideBandHandler, SideBandKind, SideBandOptions } from "./side-band.js";
import { Targets } from "./targets.js";
import { TraceEvents } from "./trace-events.js";
import type { FormatField } from "./trace-format.js";
import { Tracefs } from "./tracefs.js";
import { openUprobe, type UprobeTarget } from "./uprobe.js";

/**
 * Watches kernel events: registers them, hands their records to handlers in time order, and keeps account of what was
 * lost. All handlers run on the thread that opened the monitor.
 */
export class EventMonitor implements AsyncDisposable {
  readonly clock: MonitorClock;
  readonly #source: RecordSource;
  readonly #targets: Targets;
  readonly #traceEvents: TraceEvents;
  readonly #probes: ProbeRegistry;
  readonly #table = new EventTable();
  readonly #kernel: KernelEvents;
  readonly #registrar: Registrar;
  readonly #externals = new ExternalQueue();
  readonly #dispatcher: Dispatcher;
  readonly #cpuFollower: CpuFollower;
  readonly #loss: LossAccount;
  readonly #batchListeners = new Set<() => void>();
  readonly #run = new RunState();
  #referenced = true;
  #closing: Promise<void> | undefined;

  /** Opens the kernel, or `options.source`. Nothing is watched before it is registered. */
  static async open(options: EventMonitorOptions = {}): Promise<EventMonitor> {
    const targets = await Targets.open(options);
    let source: RecordSource | undefined;
    try {
      source = options.source ?? (await openReader({ offlineRings: !targets.boundToCpus, ...options }));
      return new EventMonitor(source, targets, options);
    } catch (error) {
      await targets.close();
      await source?.close();
      throw toPerfError(error, "open", "monitor");
    }
  }

  private constructor(source: RecordSource, targets: Targets, options: EventMonitorOptions) {
    this.#source = source;
    this.#targets = targets;
    const { tracing, tracingDirectory } = options;
    this.#traceEvents = new TraceEvents(async () => tracing ?? Tracefs.open(tracingDirectory));
    this.#probes = new ProbeRegistry(() => this.#traceEvents.tracing());
    this.clock = new MonitorClock(source.clockId, options.readClock);
    const memory = new RawMemory(source.memory);
    const registrations = this.#table.entries;
    const record = new SampleRecord(memory, this.clock.origin, (index) => registrations[index]);
    this.#dispatcher = new Dispatcher({
      source,
      memory,
      clock: this.clock,
      record,
      externals: this.#externals,
      registrations,
      onHandlerError: options.onHandlerError,
      onBatchEnd: () => this.#batchEnded(),
      onHorizon: () => this.#horizonMoved(),
      onFailure: (error) => this.#endRun(error),
    });
    this.#cpuFollower = new CpuFollower({
      source,
      interval: targets.boundToCpus ? (options.hotplugInterval ?? 1000) : 0,
      onError: (error) => this.#endRun(toPerfError(error, "followCpus")),
    });
    const loss = new LossAccount({
      source,
      table: this.#table,
      probes: this.#probes,
      shortRecords: () => this.#dispatcher.short,
      cpusCame: () => this.#cpuFollower.came,
      interval: options.lossInterval ?? 1000,
      onError: (error) => this.#endRun(toPerfError(error, "loss")),
    });
    this.#loss = loss;
    this.#kernel = new KernelEvents({
      source,
      clock: this.clock,
      table: this.#table,
      targets,
      decoder: new FieldDecoder(memory),
      loss,
      probes: this.#probes,
    });
    this.#registrar = new Registrar({
      kernel: this.#kernel,
      traceEvents: this.#traceEvents,
      probes: this.#probes,
      record,
      assertOpen: (subject) => this.#assertOpen("register", subject),
    });
    // Also before it runs, records are better kept in the source's memory than in small rings.
    source.start(() => this.#dispatcher.pump());
    source.unref();
  }

  /** CPUs that are watched; those that come online are added (`hotplugInterval`). */
  get cpus(): readonly number[] {
    return this.#source.cpus;
  }

  /**
   * Registers a tracepoint (`sched/sched_process_exec`, or with a colon). It is on, unless `options.enabled` is false,
   * when the promise resolves; records wait in the rings until the monitor runs.
   */
  async registerTracepoint<F = TraceFields>(
    name: string,
    handler: SampleHandler<F>,
    options: RegistrationOptions = {},
  ): Promise<EventId> {
    this.#assertOpen("registerTracepoint", name);
    return this.#registrar.tracepoint(name, handler, options);
  }

  /**
   * Registers a probe in the kernel.
   *
   * @param place `[MODULE:]SYMBOL[+OFFSET]` or an address (`0x…`). Of several functions of one name kernels before 6.6
   *   take the first; `KernelSymbols` tells of them
   * @throws PerfError `unsupported` without CONFIG_KPROBE_EVENTS, `not_found`, `invalid`, `permission`
   */
  async registerKprobe<F = TraceFields>(
    place: string,
    handler: SampleHandler<F>,
    options: KprobeOptions = {},
  ): Promise<EventId> {
    this.#assertOpen("registerKprobe", place);
    return this.#registrar.probe(kprobeRequest(place, options), handler, options);
  }

  /**
   * Registers a probe in programs and libraries.
   *
   * @throws PerfError `unsupported` without CONFIG_UPROBE_EVENTS, `not_found`, `invalid`, `permission`
   */
  async registerUprobe<F = TraceFields>(
    target: UprobeTarget,
    handler: SampleHandler<F>,
    options: ProbeOptions = {},
  ): Promise<EventId> {
    this.#assertOpen("registerUprobe", target.path);
    const { request, close } = await openUprobe(target, options);
    try {
      return await this.#registrar.probe(request, handler, options);
    } finally {
      await close();
    }
  }

  /**
   * Registers counters that count together, so that their values can be compared. With `period` or `frequency` a sample
   * with the values of all is taken each time; {@link EventMonitor.readCounters} reads them at any time. Of processes
   * that are watched it counts the threads that they have now.
   *
   * @throws PerfError `unsupported` where the processor or the kernel has not all of them
   */
  async registerCounterGroup(
    counters: readonly Counter[],
    handler: CounterHandler,
    options: CounterGroupOptions = {},
  ): Promise<EventId> {
    this.#assertOpen("registerCounterGroup");
    return this.#registrar.counterGroup(counters, handler, options);
  }

  /** The values of a counter group, on each CPU and of each target, as they are now. */
  async readCounters(id: EventId): Promise<CounterReading[]> {
    this.#assertOpen("readCounters");
    return (await this.#kernel.counts(this.#table.counters(id, "readCounters"))).map(counterReading);
  }

  /**
   * Has the kernel tell of tasks, names, mappings, cgroups, namespaces and context switches, beside the samples of
   * events (perf_event_open(2), side-band records).
   */
  async registerSideBand<K extends SideBandKind>(
    kinds: readonly K[],
    handler: SideBandHandler<K>,
    options: SideBandOptions = {},
  ): Promise<EventId> {
    this.#assertOpen("registerSideBand");
    return this.#registrar.sideBand(kinds, handler as SideBandHandler, options);
  }

  /** Registers an event whose samples come from the caller (`enqueueExternalSample`). */
  registerExternalEvent<T>(name: string, handler?: ExternalHandler<T>): EventId {
    this.#assertOpen("registerExternalEvent", name);
    const registration = this.#table.add({ name });
    if (handler !== undefined) registration.addHandler(handler);
    return registration.id;
  }

  /**
   * Puts a sample into the stream, in time order among the kernel's. One whose time is past goes out at once: behind the
   * current record, or in a microtask when no record is being handed out.
   */
  enqueueExternalSample<T>(id: EventId, sampleId: SampleId, data: T): void {
    this.#assertOpen("enqueueExternalSample");
    const { name } = this.#table.external(id, "enqueueExternalSample");
    const { pid, tid, cpu, cgroup, elapsed } = sampleId;
    if (!Number.isFinite(elapsed)) {
      const cause = `elapsed is ${elapsed}, which is not a time`;
      throw new PerfError("invalid", { operation: "enqueueExternalSample", subject: name, cause });
    }
    this.#externals.push({ event: id, pid, tid, cpu, cgroup, elapsed }, data);
    this.#dispatcher.externalQueued();
  }

  /** Adds a handler that is called after the earlier ones; returns its removal. */
  addHandler<F = TraceFields>(id: EventId, handler: SampleHandler<F>): () => void;
  addHandler<T>(id: EventId, handler: ExternalHandler<T>): () => void;
  addHandler(id: EventId, handler: AnyHandler): () => void {
    this.#assertOpen("addHandler");
    return this.#table.get(id, "addHandler").addHandler(handler);
  }

  /** Events are put into it when they are registered. */
  createGroup(): EventGroup {
    return new EventGroup();
  }

  /**
   * Removes events: their handlers are not called any more, and the kernel has given them back when the promise resolves
   * (up to 40 ms an event).
   */
  async unregister(which: EventId | EventGroup): Promise<void> {
    this.#assertOpen("unregister");
    await this.#kernel.close(this.#table.select(which, "unregister"));
  }

  /** Enables an event, a group, or, with nothing given, all. */
  async enable(which?: EventId | EventGroup): Promise<void> {
    this.#assertOpen("enable");
    await this.#kernel.setEnabled(this.#table.select(which, "enable"), true);
  }

  /** Disables an event, a group, or, with nothing given, all. Records that are in the rings still come. */
  async disable(which?: EventId | EventGroup): Promise<void> {
    this.#assertOpen("disable");
    await this.#kernel.setEnabled(this.#table.select(which, "disable"), false);
  }

  /** Replaces an event's filter; `""` removes it. Where the new one is refused the old one stays. */
  async setFilter(id: EventId, filter: string): Promise<void> {
    this.#assertOpen("setFilter");
    await this.#kernel.setFilter(this.#table.kernel(id, "setFilter"), filter);
  }

  /** The fields of a trace event's data. */
  fields(id: EventId): readonly FormatField[] {
    this.#assertOpen("fields");
    return this.#table.get(id, "fields").format?.fields ?? [];
  }

  /**
   * Hands out records until `stop` or `close`; rejects with what a handler threw, unless `onHandlerError` was given.
   * After that it can be called again and goes on with the next record.
   */
  async run(): Promise<void> {
    this.#assertOpen("run");
    if (this.#run.running) {
      throw new PerfError("busy", { operation: "run", cause: "the monitor is running", remedy: "stop it first" });
    }
    this.#run.begin();
    const { promise } = this.#run;
    this.#setReferenced(this.#referenced);
    this.#dispatcher.start();
    await promise;
  }

  /** Hands out what happened before the call, then ends `run`. */
  async stop(): Promise<void> {
    if (!this.#run.running || this.#closing !== undefined) return;
    this.#run.stopAt = Math.min(this.#run.stopAt, this.clock.now());
    this.#source.requestHorizon();
    await this.#run.promise.catch(() => {});
  }

  /** Ends `run` at once and gives everything back. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** What was lost so far, read from the kernel now. */
  async loss(): Promise<LossReport> {
    this.#assertOpen("loss");
    return this.#loss.report();
  }

  /** Calls `listener` when something more was lost, a second later at the most. Returns its removal. */
  onLoss(listener: (report: LossReport) => void): () => void {
    return this.#loss.onLoss(listener);
  }

  /** Calls `listener` after each batch of records: the time to hand on what was gathered. Returns its removal. */
  onBatchEnd(listener: () => void): () => void {
    const entry = () => listener();
    this.#batchListeners.add(entry);
    return () => this.#batchListeners.delete(entry);
  }

  stats(): SourceStats {
    return this.#source.stats();
  }

  /** The monitor keeps the process alive while it runs: this is the default. */
  ref(): void {
    this.#referenced = true;
    if (this.#run.running) this.#setReferenced(true);
  }

  /** The process may end while the monitor runs. */
  unref(): void {
    this.#referenced = false;
    if (this.#run.running) this.#setReferenced(false);
  }

  #batchEnded(): void {
    for (const listener of [...this.#batchListeners]) listener();
    this.#loss.recordsFlowed();
  }

  #horizonMoved(): void {
    this.#kernel.settle(this.#dispatcher.horizon);
    if (this.#run.stopAt === Infinity) return;
    if (this.#dispatcher.horizon < this.#run.stopAt) {
      this.#source.requestHorizon();
      return;
    }
    this.#dispatcher.halt();
    this.#loss.check().then(
      () => this.#endRun(),
      (error) => this.#endRun(toPerfError(error, "loss")),
    );
  }

  #endRun(error?: unknown): void {
    this.#dispatcher.halt();
    if (this.#closing === undefined) this.#setReferenced(false);
    if (error === undefined) this.#run.end();
    else this.#run.fail(error);
  }

  #setReferenced(referenced: boolean): void {
    if (referenced) this.#source.ref();
    else this.#source.unref();
    this.#dispatcher.setReferenced(referenced);
  }

  async #close(): Promise<void> {
    this.#loss.stop();
    this.#cpuFollower.stop();
    this.#dispatcher.halt();
    // A handler may have called this: its span is given back when it has returned.
    while (this.#dispatcher.dispatching) await Promise.resolve();
    this.#dispatcher.abandon();
    try {
      await this.#source.close();
      await this.#probes.close();
      await this.#traceEvents.close();
      await this.#targets.close();
    } catch (error) {
      throw toPerfError(error, "close", "monitor");
    } finally {
      this.#endRun();
    }
  }

  #assertOpen(operation: string, subject?: string): void {
    if (this.#closing === undefined) return;
    throw new PerfError("closed", { operation, subject, cause: "the monitor was closed" });
  }
}
