import { type EventAttr, PerfType, SampleFormat } from "@kernscope/perf-native";
import type { KernelEvents } from "./kernel-events.js";
import type { RegistrationOptions } from "./monitor-options.js";
import type { ProbeRegistry, ProbeRequest } from "./probe-registry.js";
import type { EventId } from "./record.js";
import type { AnyHandler } from "./registration.js";
import { applySampleOptions } from "./sample-options.js";
import type { TraceEvents } from "./trace-events.js";

export interface RegistrarInit {
  kernel: KernelEvents;
  traceEvents: TraceEvents;
  probes: ProbeRegistry;
  /** Throws when the monitor was closed. */
  assertOpen: (subject: string) => void;
}

/** Makes kernel events of what a monitor's user asks for. */
export class Registrar {
  readonly #init: RegistrarInit;

  constructor(init: RegistrarInit) {
    this.#init = init;
  }

  async tracepoint(name: string, handler: AnyHandler, options: RegistrationOptions): Promise<EventId> {
    const { kernel, traceEvents, assertOpen } = this.#init;
    const attr = traceAttr(options, name);
    const format = await traceEvents.format(name);
    assertOpen(name);
    return kernel.open({ name, attr: { ...attr, config: format.id }, format, handler, options });
  }

  /** The probe is gone again when its event is, or could not be opened. */
  async probe(request: ProbeRequest, handler: AnyHandler, options: RegistrationOptions): Promise<EventId> {
    const { kernel, traceEvents, probes, assertOpen } = this.#init;
    const { subject } = request;
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
  }
}

/** The attributes of a tracepoint or probe, but for its number. */
function traceAttr({ attr, sample }: RegistrationOptions, subject: string): EventAttr {
  const own = { samplePeriod: 1, ...attr, type: PerfType.TRACEPOINT, config: 0 };
  const sampleType = (own.sampleType ?? 0) | SampleFormat.RAW;
  return applySampleOptions({ ...own, sampleType }, sample ?? {}, subject);
}
