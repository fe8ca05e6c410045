import { PerfError } from "./errors.js";
import type { EventGroup } from "./event-group.js";
import type { EventId } from "./record.js";
import { Registration, type RegistrationInit } from "./registration.js";

/** The events of a monitor. */
export class EventTable {
  /** By id; ids are never given again. */
  readonly entries: (Registration | undefined)[] = [];

  add(init: Omit<RegistrationInit, "id">): Registration {
    const registration = new Registration({ ...init, id: this.entries.length });
    this.entries.push(registration);
    init.group?.add(registration.id);
    return registration;
  }

  remove({ id, group }: Registration): void {
    this.entries[id] = undefined;
    group?.delete(id);
  }

  get(id: EventId, operation: string): Registration {
    const registration = this.entries[id];
    if (registration === undefined || registration.closing)
      throw eventError("not_found", operation, id, "not registered");
    return registration;
  }

  kernel(id: EventId, operation: string): Registration {
    const registration = this.get(id, operation);
    if (registration.external) throw eventError("invalid", operation, id, "an external event");
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
    return this.entries.filter((each) => each !== undefined && !each.closing) as Registration[];
  }
}

function eventError(code: "not_found" | "invalid", operation: string, id: EventId, cause: string): PerfError {
  return new PerfError(code, { operation, subject: `event ${id}`, cause });
}
