import type { EventId, EventMonitor, KprobeOptions, RegistrationOptions, SampleHandler } from "@kernscope/perf";

/** Is told of what was registered, and as which loss (`LostRecordType`) its losses count. */
export type OnRegistered = (id: EventId, lossType?: number) => void;

/** Kernel events that were registered for one purpose: all of them, or none. */
export class Registrations {
  readonly #monitor: EventMonitor;
  readonly #onRegistered: OnRegistered;
  readonly #ids: EventId[] = [];

  constructor(monitor: EventMonitor, onRegistered: OnRegistered = () => {}) {
    this.#monitor = monitor;
    this.#onRegistered = onRegistered;
  }

  /** Registers through `register`, each after the other; where one fails those before it are given back. */
  static async open(
    monitor: EventMonitor,
    onRegistered: OnRegistered,
    register: (registrations: Registrations) => Promise<void>,
  ): Promise<() => Promise<void>> {
    const registrations = new Registrations(monitor, onRegistered);
    try {
      await register(registrations);
    } catch (error) {
      await registrations.close();
      throw error;
    }
    return () => registrations.close();
  }

  async tracepoint<F>(name: string, handler: SampleHandler<F>, options: RegistrationOptions): Promise<void> {
    this.#add(await this.#monitor.registerTracepoint<F>(name, handler, options));
  }

  /** @param lossType `LostRecordType` of what is lost of it */
  async kprobe<F>(place: string, handler: SampleHandler<F>, options: KprobeOptions, lossType?: number): Promise<void> {
    this.#add(await this.#monitor.registerKprobe<F>(place, handler, options), lossType);
  }

  add(id: EventId): void {
    this.#add(id);
  }

  async close(): Promise<void> {
    await Promise.all(this.#ids.map((id) => this.#monitor.unregister(id)));
  }

  #add(id: EventId, lossType?: number): void {
    this.#ids.push(id);
    this.#onRegistered(id, lossType);
  }
}
