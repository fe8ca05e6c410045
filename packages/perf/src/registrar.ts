import { type EventAttr, PerfType, SampleFormat } from "@kernscope/perf-native";
import type { Counter } from "./counter.js";
import {
  CounterCursor,
  type CounterGroupOptions,
  type CounterHandler,
  counterGroup,
  explainCounterError,
} from "./counter-group.js";
import { PerfError } from "./errors.js";
import type { KernelEvents } from "./kernel-events.js";
import type { RegistrationOptions } from "./monitor-options.js";
import type { ProbeRegistry, ProbeRequest } from "./probe-registry.js";
import type { EventId } from "./record.js";
import type { AnyHandler } from "./registration.js";
import { applySampleOptions } from "./sample-options.js";
import type { SampleRecord } from "./sample-record.js";
import { SerialQueue } from "./serial-queue.js";
import { type SideBandHandler, type SideBandKind, type SideBandOptions, sideBandAttr } from "./side-band.js";
import type { TraceEvents } from "./trace-events.js";

export interface RegistrarInit {
  kernel: KernelEvents;
  traceEvents: TraceEvents;
  probes: ProbeRegistry;
  record: SampleRecord;
  /** Throws when the monitor was closed. */
  assertOpen: (subject: string) => void;
}

/**
 * Makes kernel events of what a monitor's user asks for: of one after the other, since all that fifty of them have to do
 * between two answers of the system would keep the thread from its records for too long.
 */
export class Registrar {
  readonly #init: RegistrarInit;
  readonly #queue = new SerialQueue();

  constructor(init: RegistrarInit) {
    this.#init = init;
  }

  async tracepoint(name: string, handler: AnyHandler, options: RegistrationOptions): Promise<EventId> {
    const { kernel, traceEvents, assertOpen } = this.#init;
    return this.#queue.run(async () => {
      assertOpen(name);
      const attr = traceAttr(options, name);
      const format = await traceEvents.format(name);
      assertOpen(name);
      return kernel.open({ name, attr: { ...attr, config: format.id }, format, handler, options });
    });
  }

  /** The probe is gone again when its event is, or could not be opened. */
  async probe(request: ProbeRequest, handler: AnyHandler, options: RegistrationOptions): Promise<EventId> {
    const { kernel, traceEvents, probes, assertOpen } = this.#init;
    const { subject } = request;
    return this.#queue.run(async () => {
      assertOpen(subject);
      const attr = traceAttr(options, subject);
      const probe = await probes.add(request);
      try {
        const format = await traceEvents.read(probe.event);
        assertOpen(subject);
        return await kernel.open({
          name: subject,
          attr: { ...attr, config: format.id },
          format,
          probe,
          handler,
          options,
        });
      } catch (error) {
        await probes.remove(probe);
        throw error;
      }
    });
  }

  async counterGroup(
    counters: readonly Counter[],
    handler: CounterHandler,
    options: CounterGroupOptions,
  ): Promise<EventId> {
    const { kernel, record } = this.#init;
    const { name, leader, members } = counterGroup(counters, options);
    const { filter: _, completeStack: __, ...rest } = options as RegistrationOptions;
    try {
      const values = new CounterCursor(record);
      return await this.#queue.run(() => kernel.open({ name, attr: leader, members, values, handler, options: rest }));
    } catch (error) {
      throw explainCounterError(error, counters, name);
    }
  }

  sideBand(kinds: readonly SideBandKind[], handler: SideBandHandler, options: SideBandOptions): Promise<EventId> {
    const name = kinds.join(",");
    if (kinds.length === 0) {
      const cause = "no kinds of records are given";
      throw new PerfError("invalid", { operation: "registerSideBand", cause });
    }
    const attr = sideBandAttr(kinds, options);
    return this.#queue.run(() => this.#init.kernel.open({ name, attr, sideBand: new Set(kinds), handler, options }));
  }
}

/** The attributes of a tracepoint or probe, but for its number. */
function traceAttr({ attr, sample }: RegistrationOptions, subject: string): EventAttr {
  const own = { samplePeriod: 1, ...attr, type: PerfType.TRACEPOINT, config: 0 };
  const sampleType = (own.sampleType ?? 0) | SampleFormat.RAW;
  return applySampleOptions({ ...own, sampleType }, sample ?? {}, subject);
}
