import {
  Clock,
  type EventAttr,
  type EventTarget,
  type OpenRequest,
  openReader,
  PerfType,
  type ReaderOptions,
  type RecordSource,
  SampleFormat,
  type SourceStats,
} from "@kernscope/perf-native";
import { type ClockReader, MonitorClock } from "./clock.js";
import { Dispatcher } from "./dispatcher.js";
import { toPerfError } from "./errno.js";
import { PerfError } from "./errors.js";
import { EventGroup } from "./event-group.js";
import { ExternalQueue } from "./external-queue.js";
import { FieldDecoder, type TraceFields } from "./field-decoder.js";
import { LossAccount, type LossReport } from "./loss.js";
import { RawMemory } from "./raw-memory.js";
import type { EventId, SampleId } from "./record.js";
import { type AnyHandler, type ExternalHandler, Registration, type SampleHandler } from "./registration.js";
import { createSampleLayout } from "./sample-layout.js";
import { applySampleOptions, type SampleOptions } from "./sample-options.js";
import { SampleRecord } from "./sample-record.js";
import { type FormatField, parseTraceFormat, type TraceFormat } from "./trace-format.js";
import { Tracefs } from "./tracefs.js";
import { parseEventName, type Tracing } from "./tracing.js";

export interface EventMonitorOptions extends ReaderOptions {
  /** Instead of the kernel. */
  source?: RecordSource;
  /** Reads the clocks. Default: clock_gettime(2). */
  readClock?: ClockReader;
  /** Where tracefs is. Left out: where it is mounted, else a private mount of the monitor's own. */
  tracingDirectory?: string;
  /** Instead of tracefs. */
  tracing?: Tracing;
  /** What a handler threw; the stream goes on. Without it `run` rejects. */
  onHandlerError?: (error: unknown, id: EventId) => void;
  /** Milliseconds between two looks at the loss counts while records flow. Default 1000. */
  lossInterval?: number;
}

export interface RegistrationOptions {
  /** In the kernel's language (Documentation/trace/events.rst). */
  filter?: string;
  /** Default true. */
  enabled?: boolean;
  group?: EventGroup;
  /** Wake JavaScript at every record: 40 µs instead of milliseconds, at 7 µs for the traced task. */
  urgent?: boolean;
  /** Bytes of a ring of its own on each CPU, a page count that is a power of two. */
  ringSize?: number;
  sample?: SampleOptions;
  /** The other attributes of perf_event_open(2). */
  attr?: Partial<EventAttr>;
}

/**
 * Watches kernel events: registers them, hands their records to handlers in time order, and keeps account of what was
 * lost. All handlers run on the thread that opened the monitor.
 */
export class EventMonitor implements AsyncDisposable {
  readonly clock: MonitorClock;
  readonly #source: RecordSource;
  readonly #openTracing: () => Promise<Tracing>;
  #tracing: Promise<Tracing> | undefined;
  readonly #memory: RawMemory;
  readonly #decoder: FieldDecoder;
  readonly #registrations: (Registration | undefined)[] = [];
  readonly #externals = new ExternalQueue();
  readonly #dispatcher: Dispatcher;
  readonly #loss: LossAccount;
  readonly #batchListeners = new Set<() => void>();
  readonly #formats = new Map<string, TraceFormat>();
  #started = false;
  #run: PromiseWithResolvers | undefined;
  #stopAt = Infinity;
  #closing: Promise<void> | undefined;

  /** Opens the kernel, or `options.source`. */
  static async open(options: EventMonitorOptions = {}): Promise<EventMonitor> {
    const source = options.source ?? (await openKernel(options));
    return new EventMonitor(source, options);
  }

  private constructor(source: RecordSource, options: EventMonitorOptions) {
    this.#source = source;
    const { tracing, tracingDirectory } = options;
    this.#openTracing = async () => tracing ?? Tracefs.open(tracingDirectory);
    this.clock = new MonitorClock(source.clockId ?? Clock.MONOTONIC, options.readClock);
    this.#memory = new RawMemory(source.memory);
    this.#decoder = new FieldDecoder(this.#memory);
    const registrations = this.#registrations;
    const record = new SampleRecord(this.#memory, this.clock.origin, (event) => registrations[event]?.layout);
    this.#dispatcher = new Dispatcher({
      source,
      memory: this.#memory,
      clock: this.clock,
      record,
      externals: this.#externals,
      registrations,
      onHandlerError: options.onHandlerError,
      onBatchEnd: () => this.#batchEnded(),
      onHorizon: () => this.#horizonMoved(),
      onFailure: (error) => this.#endRun(error),
    });
    this.#loss = new LossAccount({
      source,
      registrations,
      shortRecords: () => this.#dispatcher.short,
      interval: options.lossInterval ?? 1000,
      onError: (error) => this.#fail(error),
    });
  }

  /** CPUs that are watched. */
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
    const format = await this.#format(name);
    const attr = applySampleOptions(
      { samplePeriod: 1, ...options.attr, type: PerfType.TRACEPOINT, config: format.id },
      options.sample ?? {},
      name,
    );
    const rawAttr = { ...attr, sampleType: (attr.sampleType ?? 0) | SampleFormat.RAW };
    return this.#register({ name, attr: rawAttr, format, handler, options });
  }

  /** Registers an event whose samples come from the caller (`enqueueExternalSample`). */
  registerExternalEvent<T>(name: string, handler?: ExternalHandler<T>): EventId {
    this.#assertOpen("registerExternalEvent", name);
    const registration = new Registration({ id: this.#registrations.length, name });
    this.#registrations.push(registration);
    if (handler !== undefined) registration.addHandler(handler);
    return registration.id;
  }

  /**
   * Puts a sample into the stream, in time order among the kernel's. One whose time is past goes out at once: behind the
   * current record, or in a microtask when no record is being handed out.
   */
  enqueueExternalSample<T>(id: EventId, sampleId: SampleId, data: T): void {
    const registration = this.#registration(id, "enqueueExternalSample");
    if (!registration.external) throw unknownEvent("enqueueExternalSample", id, "is not an external event");
    const { pid, tid, cpu, cgroup, elapsed } = sampleId;
    if (!Number.isFinite(elapsed)) throw unknownEvent("enqueueExternalSample", id, `elapsed ${elapsed}: not a time`);
    this.#externals.push({ event: id, pid, tid, cpu, cgroup, elapsed }, data);
    this.#dispatcher.externalQueued();
  }

  /** Adds a handler that is called after the earlier ones; returns its removal. */
  addHandler<F = TraceFields>(id: EventId, handler: SampleHandler<F> | ExternalHandler<F>): () => void {
    return this.#registration(id, "addHandler").addHandler(handler);
  }

  createGroup(): EventGroup {
    return new EventGroup();
  }

  /**
   * Removes events: their handlers are not called any more, the kernel gives them back before the promise resolves (up
   * to 40 ms an event).
   */
  async unregister(which: EventId | EventGroup): Promise<void> {
    const ids = typeof which === "number" ? [which] : [...which.events];
    const registrations = ids.map((id) => this.#registration(id, "unregister"));
    for (const registration of registrations) {
      registration.silence();
      registration.group?.delete(registration.id);
    }
    const kernel = registrations.filter((registration) => !registration.external);
    try {
      if (kernel.length > 0) await this.#closeEvents(kernel);
    } finally {
      for (const { id } of registrations) this.#registrations[id] = undefined;
    }
  }

  /** Enables an event, a group, or, with nothing given, all. */
  async enable(which?: EventId | EventGroup): Promise<void> {
    await this.#setEnabled(which, true, "enable");
  }

  /** Disables an event, a group, or, with nothing given, all. Records that are in the rings still come. */
  async disable(which?: EventId | EventGroup): Promise<void> {
    await this.#setEnabled(which, false, "disable");
  }

  /** Replaces an event's filter; `""` removes it. */
  async setFilter(id: EventId, filter: string): Promise<void> {
    const { name } = this.#kernelRegistration(id, "setFilter");
    await this.#source.setFilter(id, checkFilter(filter, name)).catch((error) => {
      throw toPerfError(error, "setFilter", `${name}, ${JSON.stringify(filter)}`);
    });
  }

  /** The fields of a trace event's data. */
  fields(id: EventId): readonly FormatField[] {
    return this.#registration(id, "fields").format?.fields ?? [];
  }

  /**
   * Hands out records until `stop` or `close`; rejects with what a handler threw, unless `onHandlerError` was given. It
   * can be called again after that and goes on with the next record.
   */
  async run(): Promise<void> {
    this.#assertOpen("run");
    if (this.#run !== undefined) {
      throw new PerfError("busy", { operation: "run", cause: "the monitor is running", remedy: "stop it first" });
    }
    const run = withResolvers();
    this.#run = run;
    if (!this.#started) {
      this.#started = true;
      this.#source.start(() => this.#dispatcher.pump());
    }
    this.#dispatcher.start();
    await run.promise;
  }

  /** Hands out what happened before the call, then ends `run`. */
  async stop(): Promise<void> {
    const run = this.#run;
    if (run === undefined) return;
    this.#stopAt = Math.min(this.#stopAt, this.clock.now());
    this.#source.requestHorizon();
    await run.promise.catch(() => {});
    if (this.#closing === undefined) await this.#loss.check();
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

  /** Calls `listener` whenever something more was lost. Returns its removal. */
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

  /** A running monitor keeps the process alive: this is the default. */
  ref(): void {
    this.#source.ref();
    this.#dispatcher.setReferenced(true);
  }

  /** The process may end while the monitor runs. */
  unref(): void {
    this.#source.unref();
    this.#dispatcher.setReferenced(false);
  }

  /** Tracefs, opened when it is first needed; one that could not be opened is tried again. */
  #events(): Promise<Tracing> {
    this.#tracing ??= this.#openTracing().catch((error) => {
      this.#tracing = undefined;
      throw error;
    });
    return this.#tracing;
  }

  async #format(name: string): Promise<TraceFormat> {
    const event = parseEventName(name);
    const path = `${event.system}/${event.event}`;
    const known = this.#formats.get(path);
    if (known !== undefined) return known;
    const format = parseTraceFormat(await (await this.#events()).readFormat(event));
    this.#formats.set(path, format);
    return format;
  }

  async #register(init: {
    name: string;
    attr: EventAttr;
    format: TraceFormat;
    handler: AnyHandler;
    options: RegistrationOptions;
  }): Promise<EventId> {
    const { name, attr, format, handler, options } = init;
    const filter = options.filter === undefined ? undefined : checkFilter(options.filter, name);
    this.#assertOpen("register", name);
    const id = this.#registrations.length;
    const data = this.#decoder.cursor(format);
    const layout = createSampleLayout(attr, this.#source.countsLost);
    const registration = new Registration({ id, name, layout, format, data, group: options.group });
    registration.addHandler(handler);
    // It is in the table before it is open: its first record may come before the promise is settled.
    this.#registrations.push(registration);
    const request: OpenRequest = {
      index: id,
      attr,
      targets: this.#targets(),
      enabled: options.enabled ?? true,
      ...(filter === undefined ? {} : { filter }),
      ...(options.urgent === undefined ? {} : { urgent: options.urgent }),
      ...(options.ringSize === undefined ? {} : { ringSize: options.ringSize }),
    };
    try {
      await this.#source.open(request);
    } catch (error) {
      this.#registrations[id] = undefined;
      throw toPerfError(error, "open", name);
    }
    options.group?.add(id);
    return id;
  }

  #targets(): EventTarget[] {
    return this.#source.cpus.map((cpu) => ({ pid: -1, cpu }));
  }

  async #closeEvents(registrations: readonly Registration[]): Promise<void> {
    const ids = registrations.map(({ id }) => id);
    try {
      await this.#source.setEnabled(ids, false);
      for (const registration of registrations) await this.#loss.retire(registration);
      await this.#source.closeEvents(ids);
    } catch (error) {
      throw toPerfError(error, "unregister", registrations.map(({ name }) => name).join(", "));
    }
    for (const registration of registrations) this.#loss.retired(registration);
  }

  async #setEnabled(which: EventId | EventGroup | undefined, enabled: boolean, operation: string): Promise<void> {
    this.#assertOpen(operation);
    const ids = this.#select(which, operation);
    if (ids.length === 0) return;
    await this.#source.setEnabled(ids, enabled).catch((error) => {
      throw toPerfError(error, operation);
    });
  }

  #select(which: EventId | EventGroup | undefined, operation: string): EventId[] {
    if (typeof which === "number") return [this.#kernelRegistration(which, operation).id];
    if (which !== undefined) return [...which.events];
    return this.#registrations.flatMap((each) =>
      each === undefined || each.external || each.closing ? [] : [each.id],
    );
  }

  #registration(id: EventId, operation: string): Registration {
    this.#assertOpen(operation);
    const registration = this.#registrations[id];
    if (registration === undefined || registration.closing) throw unknownEvent(operation, id, "is not registered");
    return registration;
  }

  #kernelRegistration(id: EventId, operation: string): Registration {
    const registration = this.#registration(id, operation);
    if (registration.external) throw unknownEvent(operation, id, "is an external event");
    return registration;
  }

  #batchEnded(): void {
    for (const listener of this.#batchListeners) listener();
    this.#loss.recordsFlowed();
  }

  #horizonMoved(): void {
    if (this.#stopAt === Infinity) return;
    if (this.#dispatcher.horizon >= this.#stopAt) this.#endRun();
    else this.#source.requestHorizon();
  }

  #fail(error: unknown): void {
    this.#endRun(toPerfError(error, "counts"));
  }

  #endRun(error?: unknown): void {
    const run = this.#run;
    this.#run = undefined;
    this.#stopAt = Infinity;
    this.#dispatcher.halt();
    if (run === undefined) return;
    if (error === undefined) run.resolve();
    else run.reject(error);
  }

  async #close(): Promise<void> {
    this.#loss.stop();
    this.#dispatcher.halt();
    // A handler may have called this: its span is given back when it has returned.
    while (this.#dispatcher.dispatching) await Promise.resolve();
    this.#dispatcher.abandon();
    try {
      await this.#source.close();
      await (await this.#tracing?.catch(() => undefined))?.close();
    } finally {
      this.#endRun();
      this.#registrations.fill(undefined);
    }
  }

  #assertOpen(operation: string, subject?: string): void {
    if (this.#closing === undefined) return;
    throw new PerfError("closed", { operation, subject, cause: "the monitor was closed" });
  }
}

interface PromiseWithResolvers {
  promise: Promise<void>;
  resolve: () => void;
  reject: (error: unknown) => void;
}

function withResolvers(): PromiseWithResolvers {
  let resolve: () => void = () => {};
  let reject: (error: unknown) => void = () => {};
  const promise = new Promise<void>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  return { promise, resolve, reject };
}

async function openKernel(options: ReaderOptions): Promise<RecordSource> {
  return openReader(options).catch((error) => {
    throw toPerfError(error, "open");
  });
}

function checkFilter(filter: string, subject: string): string {
  if (!filter.includes("\0")) return filter;
  throw new PerfError("invalid", { operation: "filter", subject, cause: "it has a NUL in it" });
}

function unknownEvent(operation: string, id: EventId, cause: string): PerfError {
  return new PerfError("invalid", { operation, subject: `event ${id}`, cause });
}
