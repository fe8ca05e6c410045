import type { EventAttr, OpenRequest, RecordSource } from "@kernscope/perf-native";
import { PerfError } from "./errors.js";
import type { EventTable } from "./event-table.js";
import type { Registration } from "./registration.js";
import type { Targets } from "./targets.js";

export interface EventOpenerInit {
  source: RecordSource;
  table: EventTable;
  targets: Targets;
}

/** How often an event is opened whose targets change meanwhile. */
const MAX_OPENS = 10;

/** Opens events on targets that can change meanwhile: threads come, cgroups go. */
export class EventOpener {
  readonly #init: EventOpenerInit;

  constructor(init: EventOpenerInit) {
    this.#init = init;
  }

  /**
   * Opens an event, and the other members of its counter group, on the targets as they are. Resolves to what is open,
   * which can have another index than was asked for. Where it rejects, nothing is.
   *
   * @throws PerfError `busy` when the targets never stay the same
   */
  async open(
    registration: Registration,
    request: OpenRequest,
    members: readonly EventAttr[] = [],
  ): Promise<OpenRequest> {
    let opened = await this.#openOnce(registration, request, members);
    for (let opens = 1; opened === undefined && opens < MAX_OPENS; opens++) {
      // Indices are never given again.
      const index = this.#init.table.addIndex(registration);
      opened = await this.#openOnce(registration, { ...request, index }, members);
    }
    if (opened !== undefined) return opened;
    throw new PerfError("busy", {
      operation: "open",
      subject: registration.name,
      cause: "what it is to watch changed whenever it was opened",
      remedy: "try again, or watch the cgroup of processes that start threads all the time",
    });
  }

  /** Nothing is open, and `undefined` is returned, where the targets changed meanwhile. */
  async #openOnce(
    registration: Registration,
    request: OpenRequest,
    members: readonly EventAttr[],
  ): Promise<OpenRequest | undefined> {
    const { source, table, targets } = this.#init;
    const { ringSize: _, ...member } = request;
    const indices = [request.index];
    const open: number[] = [];
    try {
      const { inherit, ...where } = await targets.list(source.cpus);
      const attr = inherit ? { ...request.attr, flags: { inherit, ...request.attr.flags } } : request.attr;
      const inherits = attr.flags?.inherit === true;
      // It is enabled when it is whole, and surely on all threads.
      const enableLater = request.enabled === true && (inherits || members.length > 0);
      const next = { ...request, ...where, attr };
      await source.open(enableLater ? { ...next, enabled: false } : next);
      open.unshift(next.index);
      for (const each of members) {
        const index = table.addIndex(registration);
        indices.push(index);
        await source.open({ ...member, ...where, attr: each, index, leader: next.index, enabled: false });
        open.unshift(index);
      }
      if (!inherits || !(await targets.hasGrown(where))) {
        if (enableLater) await source.setEnabled([next.index], true);
        registration.members = indices.slice(1);
        return next;
      }
    } catch (error) {
      await this.#giveBack(open, indices);
      if (await targets.forgetRemoved(error)) return undefined;
      throw error;
    }
    await this.#giveBack(open, indices);
    return undefined;
  }

  async #giveBack(open: readonly number[], indices: readonly number[]): Promise<void> {
    const { source, table } = this.#init;
    for (const index of indices) table.removeIndex(index);
    if (open.length > 0) await source.closeEvents(open);
  }
}
