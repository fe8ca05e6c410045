import type { EventId } from "./record.js";

/** Events that are enabled, disabled and removed as one. Made by `EventMonitor.createGroup`. */
export class EventGroup {
  readonly #events = new Set<EventId>();

  get events(): ReadonlySet<EventId> {
    return this.#events;
  }

  /** Called by the monitor. */
  add(id: EventId): void {
    this.#events.add(id);
  }

  /** Called by the monitor. */
  delete(id: EventId): void {
    this.#events.delete(id);
  }
}
