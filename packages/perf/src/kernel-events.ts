import { type EventAttr, type EventCount, type OpenRequest, PerfType, type RecordSource } from "@kernscope/perf-native";
import type { MonitorClock } from "./clock.js";
import type { CounterValues } from "./counter-group.js";
import { toPerfError } from "./errno.js";
import { PerfError } from "./errors.js";
import { EventOpener } from "./event-opener.js";
import type { EventTable } from "./event-table.js";
import { explainOpenError } from "./feature-error.js";
import type { FieldDecoder } from "./field-decoder.js";
import type { LossAccount } from "./loss.js";
import type { RegistrationOptions } from "./monitor-options.js";
import type { Probe, ProbeRegistry } from "./probe-registry.js";
import type { EventId } from "./record.js";
import type { AnyHandler, Registration, Window } from "./registration.js";
import { createSampleLayout } from "./sample-layout.js";
import { SerialQueue } from "./serial-queue.js";
import type { SideBandKind } from "./side-band.js";
import type { Targets } from "./targets.js";
import type { TraceFormat } from "./trace-format.js";

export interface KernelEventsInit {
  source: RecordSource;
  clock: MonitorClock;
  table: EventTable;
  targets: Targets;
  decoder: FieldDecoder;
  loss: LossAccount;
  probes: ProbeRegistry;
}

export interface KernelEventInit {
  name: string;
  attr: EventAttr;
  /** Of its raw data, where it is a trace event. */
  format?: TraceFormat;
  /** Removed when the event is closed. */
  probe?: Probe;
  /** Of the other events of its counter group, which it leads. */
  members?: readonly EventAttr[];
  values?: CounterValues;
  sideBand?: ReadonlySet<SideBandKind>;
  handler: AnyHandler;
  options: RegistrationOptions;
}

/** Events that may have ended and be waited for; the records of those beyond, if any come, are of unknown events. */
export const MAX_ENDED = 4096;

/** Opens, changes and closes a monitor's events of the kernel. */
export class KernelEvents {
  readonly #init: KernelEventsInit;
  readonly #opener: EventOpener;
  /** The source would have changes wait for each other anyway. */
  readonly #changes = new SerialQueue();
  #ended: { at: number; forget: () => void }[] = [];

  constructor(init: KernelEventsInit) {
    this.#init = init;
    this.#opener = new EventOpener(init);
  }

  async open({ members = [], handler, options, ...init }: KernelEventInit): Promise<EventId> {
    const { source, table, targets, decoder } = this.#init;
    const { name, attr, format } = init;
    const filter = options.filter === undefined ? "" : checkFilter(options.filter, name);
    const layout = createSampleLayout(attr, source.countsLost);
    const data = format === undefined ? undefined : decoder.cursor(format);
    // It is in the table before it is open: its first record may come before the promise is settled.
    const registration = table.add({
      ...init,
      layout,
      data,
      countsSamples: isSampledEachTime(attr),
      group: options.group,
    });
    registration.addHandler(handler);
    const request: OpenRequest = {
      index: registration.id,
      attr,
      targets: [],
      enabled: options.enabled ?? true,
      followCpus: targets.boundToCpus,
      ...(filter !== "" && { filter }),
      ...(options.urgent !== undefined && { urgent: options.urgent }),
      ...(options.ringSize !== undefined && { ringSize: options.ringSize }),
      ...(options.completeStack !== undefined && { completeStack: options.completeStack }),
    };
    const opening = this.#opener.open(registration, request, members);
    registration.opening = opening;
    let opened: OpenRequest;
    try {
      opened = await opening;
    } catch (error) {
      table.remove(registration);
      const cgroup = await targets.explain(error, name, attr);
      throw cgroup ?? (await explainOpenError(toPerfError(error, "open", name), [attr, ...members]));
    }
    registration.request = opened;
    registration.indices = [opened.index];
    return registration.id;
  }

  setEnabled(registrations: readonly Registration[], enabled: boolean): Promise<void> {
    return this.#change(registrations, enabled ? "enable" : "disable", async (opened) => {
      const indices = opened.flatMap((registration) => registration.indices);
      if (indices.length > 0) await this.#init.source.setEnabled(indices, enabled);
      for (const registration of opened) {
        if (registration.request !== undefined) registration.request = { ...registration.request, enabled };
      }
    });
  }

  /**
   * Replaces an event's filter. The kernel takes a tracepoint's filter only once, so a new event with the new filter
   * takes the old one's place; where it fails, the old one stays.
   */
  setFilter(registration: Registration, filter: string): Promise<void> {
    const subject = `${registration.name}, ${JSON.stringify(filter)}`;
    if (registration.format === undefined) {
      throw new PerfError("invalid", { operation: "setFilter", subject, cause: "only trace events have filters" });
    }
    checkFilter(filter, registration.name);
    return this.#change([registration], "setFilter", () => this.#replace(registration, filter, subject), subject);
  }

  /** The counts of each of an event's targets. */
  async counts(registration: Registration): Promise<EventCount[]> {
    const [index] = registration.indices;
    if (index === undefined)
      throw new PerfError("closed", { operation: "readCounters", subject: registration.name, cause: "it is not open" });
    try {
      return await this.#init.source.counts(index);
    } catch (error) {
      throw toPerfError(error, "readCounters", registration.name);
    }
  }

  /** Closes the kernel's among `registrations`; they leave the table when the last of their records is out. */
  async close(registrations: readonly Registration[]): Promise<void> {
    const { source, loss, probes } = this.#init;
    for (const registration of registrations) {
      registration.silence();
      registration.group?.delete(registration.id);
    }
    await this.#change(registrations, "unregister", async (opened) => {
      // What fails must not keep the rest open: nobody could ask for it again.
      const failures: unknown[] = [];
      const attempt = (work: Promise<void>) => work.catch((error) => void failures.push(error));
      const indices = opened.flatMap((registration) => registration.indices);
      if (indices.length > 0) await attempt(source.setEnabled(indices, false));
      for (const registration of opened) await attempt(loss.retire(registration));
      const members = opened.flatMap((registration) => registration.members);
      if (indices.length > 0) await attempt(source.closeEvents([...members, ...indices]));
      for (const { probe } of opened) if (probe !== undefined) await attempt(probes.remove(probe));
      for (const registration of registrations) this.#end(() => this.#forget(registration));
      if (failures.length > 0) throw failures[0];
    });
  }

  /** All up to the elapsed time `horizon` was handed out: forgets events that were closed before. */
  settle(horizon: number): void {
    if (this.#ended.length === 0) return;
    const over = this.#ended.filter(({ at }) => at <= horizon);
    this.#ended = this.#ended.filter(({ at }) => at > horizon);
    for (const { forget } of over) forget();
  }

  /** Records of what ends now may still be on their way to the handlers. */
  #end(forget: () => void): void {
    this.#ended.push({ at: this.#init.clock.now(), forget });
    // A monitor that does not run would wait for ever.
    if (this.#ended.length > MAX_ENDED) this.#ended.shift()?.forget();
  }

  #forget(registration: Registration): void {
    this.#init.loss.retired(registration);
    this.#init.table.remove(registration);
  }

  /** Runs `work`, with those of `registrations` that are open, when the changes before it are done. */
  #change(
    registrations: readonly Registration[],
    operation: string,
    work: (opened: Registration[]) => Promise<void>,
    subject?: string,
  ): Promise<void> {
    const change = async () => {
      await Promise.allSettled(registrations.map(({ opening }) => opening));
      await work(registrations.filter(({ indices }) => indices.length > 0));
    };
    return this.#changes.run(change).catch((error) => {
      throw toPerfError(error, operation, subject ?? registrations.map(({ name }) => name).join(", "));
    });
  }

  async #replace(registration: Registration, filter: string, subject: string): Promise<void> {
    const { source, clock, table, targets, loss } = this.#init;
    const { request } = registration;
    const [old] = registration.indices;
    if (request === undefined || old === undefined || registration.closing) return;
    if (request.attr.flags?.inherit === true) {
      const cause = "the processes that the watched ones have started are watched only as long as the event stays";
      const remedy = "unregister it and register it anew, or watch a cgroup";
      throw new PerfError("unsupported", { operation: "setFilter", subject, cause, remedy });
    }
    const { filter: _, ...unfiltered } = request;
    const asked = { ...unfiltered, index: table.addIndex(registration), enabled: false };
    const next = filter === "" ? asked : { ...asked, filter };
    const opened = await this.#opener.open(registration, next).catch(async (error) => {
      throw (await targets.explain(error, subject, request.attr)) ?? error;
    });
    const { index } = opened;
    registration.indices = [old, index];
    registration.request = { ...opened, enabled: request.enabled === true };
    const before: Window = { from: registration.windows.get(old)?.from ?? -Infinity, until: Infinity };
    const after: Window = { from: Infinity, until: Infinity };
    registration.setWindow(old, before);
    registration.setWindow(index, after);
    if (request.enabled) await source.setEnabled([index], true);
    // From now on the new one sees everything.
    after.from = clock.now();
    before.until = after.from;
    await source.setEnabled([old], false);
    await loss.carry(registration, old);
    await source.closeEvents([old]);
    this.#end(() => {
      registration.removeWindow(old);
      table.removeIndex(old);
    });
  }
}

function isSampledEachTime({ type, samplePeriod, sampleFrequency }: EventAttr): boolean {
  return type === PerfType.TRACEPOINT && sampleFrequency === undefined && Number(samplePeriod) === 1;
}

function checkFilter(filter: string, subject: string): string {
  if (!filter.includes("\0")) return filter;
  throw new PerfError("invalid", { operation: "filter", subject, cause: "it has a NUL in it" });
}
