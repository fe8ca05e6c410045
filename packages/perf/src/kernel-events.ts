import type { EventAttr, OpenRequest, RecordSource } from "@kernscope/perf-native";
import { toPerfError } from "./errno.js";
import { PerfError } from "./errors.js";
import type { EventTable } from "./event-table.js";
import type { FieldDecoder } from "./field-decoder.js";
import type { LossAccount } from "./loss.js";
import type { RegistrationOptions } from "./monitor-options.js";
import type { EventId } from "./record.js";
import type { AnyHandler, Registration } from "./registration.js";
import { createSampleLayout } from "./sample-layout.js";
import type { Targets } from "./targets.js";
import type { TraceFormat } from "./trace-format.js";

export interface KernelEventsInit {
  source: RecordSource;
  table: EventTable;
  targets: Targets;
  decoder: FieldDecoder;
  loss: LossAccount;
}

export interface KernelEventInit {
  name: string;
  attr: EventAttr;
  /** Of its raw data, where it is a trace event. */
  format?: TraceFormat;
  handler: AnyHandler;
  options: RegistrationOptions;
}

/** Opens, changes and closes a monitor's events of the kernel. */
export class KernelEvents {
  readonly #init: KernelEventsInit;

  constructor(init: KernelEventsInit) {
    this.#init = init;
  }

  async open({ name, attr, format, handler, options }: KernelEventInit): Promise<EventId> {
    const { source, table, targets, decoder } = this.#init;
    const filter = options.filter === undefined ? undefined : checkFilter(options.filter, name);
    const { inherit, ...where } = await targets.list(source.cpus);
    const layout = createSampleLayout(attr, source.countsLost);
    const data = format === undefined ? undefined : decoder.cursor(format);
    // It is in the table before it is open: its first record may come before the promise is settled.
    const registration = table.add({ name, layout, format, data, group: options.group });
    registration.addHandler(handler);
    const request: OpenRequest = {
      ...where,
      index: registration.id,
      attr: inherit ? { ...attr, flags: { inherit, ...attr.flags } } : attr,
      enabled: options.enabled ?? true,
      ...(filter !== undefined && { filter }),
      ...(options.urgent !== undefined && { urgent: options.urgent }),
      ...(options.ringSize !== undefined && { ringSize: options.ringSize }),
    };
    registration.opening = source.open(request);
    try {
      await registration.opening;
      registration.opened = true;
    } catch (error) {
      table.remove(registration);
      throw toPerfError(error, "open", name);
    }
    return registration.id;
  }

  async setEnabled(registrations: readonly Registration[], enabled: boolean): Promise<void> {
    const ids = registrations.filter(({ opened }) => opened).map(({ id }) => id);
    if (ids.length === 0) return;
    await this.#init.source.setEnabled(ids, enabled).catch((error) => {
      throw toPerfError(error, enabled ? "enable" : "disable", namesOf(registrations));
    });
  }

  async setFilter({ id, name }: Registration, filter: string): Promise<void> {
    await this.#init.source.setFilter(id, checkFilter(filter, name)).catch((error) => {
      throw toPerfError(error, "setFilter", `${name}, ${JSON.stringify(filter)}`);
    });
  }

  /** Closes the kernel's among `registrations`, and takes all of them out of the table. */
  async close(registrations: readonly Registration[]): Promise<void> {
    const { source, table, loss } = this.#init;
    for (const registration of registrations) registration.silence();
    try {
      await Promise.allSettled(registrations.map(({ opening }) => opening));
      const opened = registrations.filter(({ opened }) => opened);
      if (opened.length === 0) return;
      const ids = opened.map(({ id }) => id);
      await source.setEnabled(ids, false);
      for (const registration of opened) await loss.retire(registration);
      await source.closeEvents(ids);
      for (const registration of opened) loss.retired(registration);
    } catch (error) {
      throw toPerfError(error, "unregister", namesOf(registrations));
    } finally {
      for (const registration of registrations) table.remove(registration);
    }
  }
}

function namesOf(registrations: readonly Registration[]): string {
  return registrations.map(({ name }) => name).join(", ");
}

function checkFilter(filter: string, subject: string): string {
  if (!filter.includes("\0")) return filter;
  throw new PerfError("invalid", { operation: "filter", subject, cause: "it has a NUL in it" });
}
