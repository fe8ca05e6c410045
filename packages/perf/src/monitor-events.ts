import type { Counter } from "./counter.js";
import { type CounterGroupOptions, type CounterHandler, type CounterReading, counterReading } from "./counter-group.js";
import { PerfError } from "./errors.js";
import { EventGroup } from "./event-group.js";
import type { TraceFields } from "./field-decoder.js";
import type { RegistrationOptions } from "./monitor-options.js";
import type { MonitorParts } from "./monitor-parts.js";
import { type KprobeOptions, kprobeRequest, type ProbeOptions } from "./probe.js";
import type { EventId, SampleId } from "./record.js";
import type { AnyHandler, ExternalHandler, SampleHandler } from "./registration.js";
import type { SideBandHandler, SideBandKind, SideBandOptions } from "./side-band.js";
import type { FormatField } from "./trace-format.js";
import { openUprobe, type UprobeTarget } from "./uprobe.js";

/** The events of a monitor: registers, changes and removes them. */
export class MonitorEvents {
  readonly #parts: MonitorParts;

  protected constructor(parts: MonitorParts) {
    this.#parts = parts;
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
    this.#parts.run.assertOpen("registerTracepoint", name);
    return this.#parts.registrar.tracepoint(name, handler, options);
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
    this.#parts.run.assertOpen("registerKprobe", place);
    return this.#parts.registrar.probe(kprobeRequest(place, options), handler, options);
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
    this.#parts.run.assertOpen("registerUprobe", target.path);
    const { request, close } = await openUprobe(target, options);
    try {
      return await this.#parts.registrar.probe(request, handler, options);
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
    this.#parts.run.assertOpen("registerCounterGroup");
    return this.#parts.registrar.counterGroup(counters, handler, options);
  }

  /** The values of a counter group, on each CPU and of each target, as they are now. */
  async readCounters(id: EventId): Promise<CounterReading[]> {
    this.#parts.run.assertOpen("readCounters");
    return (await this.#parts.kernel.counts(this.#parts.table.counters(id, "readCounters"))).map(counterReading);
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
    this.#parts.run.assertOpen("registerSideBand");
    return this.#parts.registrar.sideBand(kinds, handler as SideBandHandler, options);
  }

  /** Registers an event whose samples come from the caller (`enqueueExternalSample`). */
  registerExternalEvent<T>(name: string, handler?: ExternalHandler<T>): EventId {
    this.#parts.run.assertOpen("registerExternalEvent", name);
    const registration = this.#parts.table.add({ name });
    if (handler !== undefined) registration.addHandler(handler);
    return registration.id;
  }

  /**
   * Puts a sample into the stream, in time order among the kernel's. One whose time is past goes out at once: behind the
   * current record, or in a microtask when no record is being handed out. `sampleId` is copied at once: it can be a record.
   *
   * @throws PerfError `busy` when as many wait as may (`externalLimit`), `invalid`, `not_found`
   */
  enqueueExternalSample<T>(id: EventId, sampleId: Readonly<SampleId>, data: T): void {
    this.#parts.run.assertOpen("enqueueExternalSample");
    const { name } = this.#parts.table.external(id, "enqueueExternalSample");
    const { pid, tid, cpu, cgroup, elapsed } = sampleId;
    if (!Number.isFinite(elapsed)) {
      const cause = `elapsed is ${elapsed}, which is not a time`;
      throw new PerfError("invalid", { operation: "enqueueExternalSample", subject: name, cause });
    }
    const { externals } = this.#parts;
    if (externals.full) {
      const details = { operation: "enqueueExternalSample", subject: name, cause: `${externals.limit} samples wait` };
      throw new PerfError("busy", { ...details, remedy: "run the monitor, or raise externalLimit" });
    }
    externals.push({ event: id, pid, tid, cpu, cgroup, elapsed }, data);
    this.#parts.dispatcher.externalQueued();
  }

  /** Adds a handler that is called after the earlier ones; returns its removal. */
  addHandler<F = TraceFields>(id: EventId, handler: SampleHandler<F>): () => void;
  addHandler<T>(id: EventId, handler: ExternalHandler<T>): () => void;
  addHandler(id: EventId, handler: AnyHandler): () => void {
    this.#parts.run.assertOpen("addHandler");
    return this.#parts.table.get(id, "addHandler").addHandler(handler);
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
    this.#parts.run.assertOpen("unregister");
    await this.#parts.kernel.close(this.#parts.table.select(which, "unregister"));
  }

  /** Enables an event, a group, or, with nothing given, all. */
  async enable(which?: EventId | EventGroup): Promise<void> {
    this.#parts.run.assertOpen("enable");
    await this.#parts.kernel.setEnabled(this.#parts.table.select(which, "enable"), true);
  }

  /** Disables an event, a group, or, with nothing given, all. Records that are in the rings still come. */
  async disable(which?: EventId | EventGroup): Promise<void> {
    this.#parts.run.assertOpen("disable");
    await this.#parts.kernel.setEnabled(this.#parts.table.select(which, "disable"), false);
  }

  /**
   * Replaces an event's filter; `""` removes it. Where the new one is refused the old one stays.
   *
   * @throws PerfError `invalid`; `unsupported` where `pids` are watched: what those processes have started is watched only
   *   as long as the event stays the same
   */
  async setFilter(id: EventId, filter: string): Promise<void> {
    this.#parts.run.assertOpen("setFilter");
    await this.#parts.kernel.setFilter(this.#parts.table.kernel(id, "setFilter"), filter);
  }

  /** The fields of a trace event's data. */
  fields(id: EventId): readonly FormatField[] {
    this.#parts.run.assertOpen("fields");
    return this.#parts.table.get(id, "fields").format?.fields ?? [];
  }
}
