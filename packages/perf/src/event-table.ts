import { PerfError } from "./errors.js";
import type { EventGroup } from "./event-group.js";
import type { EventId } from "./record.js";
import { Registration, type RegistrationInit } from "./registration.js";

/** The events of a monitor. */
export class EventTable {
  /** By the source's index. An event is at its id, and, where it was opened anew since, at that index too. */
  readonly entries: (Registration | undefined)[] = [];
  /** Every event once. What is looked at again and again must not grow with what there once was. */
  readonly #events = new Map<EventId, Registration>();

  add(init: Omit<RegistrationInit, "id">): Registration {
    const registration = new Registration({ ...init, id: this.entries.length });
    this.entries.push(registration);
    this.#events.set(registration.id, registration);
    init.group?.add(registration.id);
    return registration;
  }

  /** A further index for an event; indices are never given again. */
  addIndex(registration: Registration): number {
    return this.entries.push(registration) - 1;
  }

  removeIndex(index: number): void {
    if (this.entries[index]?.id !== index) this.entries[index] = undefined;
  }

  remove(registration: Registration): void {
    for (const index of [
      registration.id,
      ...registration.indices,
      ...registration.members,
      ...registration.windows.keys(),
    ]) {
      this.entries[index] = undefined;
    }
    this.#events.delete(registration.id);
    registration.group?.delete(registration.id);
  }

  /** Every event once. */
  all(): Registration[] {
    return [...this.#events.values()];
  }

  get(id: EventId, operation: string): Registration {
    const registration = this.entries[id];
    if (registration?.id !== id || registration.closing) throw eventError("not_found", operation, id, "not registered");
    return registration;
  }

  kernel(id: EventId, operation: string): Registration {
    const registration = this.get(id, operation);
    if (registration.external) throw eventError("invalid", operation, id, "an external event");
    return registration;
  }

  counters(id: EventId, operation: string): Registration {
    const registration = this.get(id, operation);
    if (registration.values === undefined) throw eventError("invalid", operation, id, "not a counter group");
    return registration;
  }

  external(id: EventId, operation: string): Registration {
    const registration = this.get(id, operation);
    if (!registration.external) throw eventError("invalid", operation, id, "not an external event");
    return registration;
  }

  /** One event, those of a group, or all. */
  select(which: EventId | EventGroup | undefined, operation: string): Registration[] {
    if (typeof which === "number") return [this.get(which, operation)];
    if (which !== undefined) return [...which.events].map((id) => this.get(id, operation));
    return this.all().filter(({ closing }) => !closing);
  }
}

function eventError(code: "not_found" | "invalid", operation: string, id: EventId, cause: string): PerfError {
  return new PerfError(code, { operation, subject: `event ${id}`, cause });
}
