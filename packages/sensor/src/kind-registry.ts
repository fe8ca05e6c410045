import type { TelemetryEvent } from "./event.js";
import type { EventKind } from "./event-kinds.js";
import type { CloseEvents, FamilyContext } from "./events/family.js";
import { familyOf } from "./events/index.js";
import type { Subscription } from "./subscription.js";

interface OpenKind {
  readonly subscriptions: Set<Subscription>;
  readonly opened: Promise<CloseEvents>;
}

/** Which kinds flow, and to whom: a kind is opened for its first subscription and closed with its last. */
export class KindRegistry {
  readonly #context: FamilyContext;
  readonly #kinds = new Map<EventKind, OpenKind>();

  constructor(context: FamilyContext) {
    this.#context = context;
  }

  /** Kinds that flow now. */
  get size(): number {
    return this.#kinds.size;
  }

  /** Adds a subscription to all its kinds, or to none. */
  async add(subscription: Subscription, kinds: ReadonlySet<EventKind>): Promise<void> {
    try {
      await Promise.all([...kinds].map((kind) => this.#open(kind, subscription)));
    } catch (error) {
      this.remove(subscription);
      throw error;
    }
  }

  remove(subscription: Subscription): void {
    for (const [kind, open] of this.#kinds) {
      if (!open.subscriptions.delete(subscription) || open.subscriptions.size > 0) continue;
      this.#kinds.delete(kind);
      open.opened.then((close) => close()).catch(() => {});
    }
  }

  #open(kind: EventKind, subscription: Subscription): Promise<unknown> {
    const known = this.#kinds.get(kind);
    if (known !== undefined) {
      known.subscriptions.add(subscription);
      return known.opened;
    }
    const subscriptions = new Set([subscription]);
    const sink = (event: TelemetryEvent) => {
      for (const each of subscriptions) each.push(event);
    };
    const opened = (async () => familyOf(kind)!.open(kind, this.#context, sink))();
    this.#kinds.set(kind, { subscriptions, opened });
    return opened;
  }
}
