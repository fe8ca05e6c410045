import { EventSource, type Predicate, type SourceContext } from "./event-source.js";
import type { FamilyContext, SourcePlan } from "./events/family.js";
import type { Subscription } from "./subscription.js";
import type { EventFilter } from "./subscription-request.js";

/** A plan and which of its events a subscription wants. */
export interface PlannedSource {
  readonly filter: EventFilter;
  readonly plan: SourcePlan;
  /** Equal predicates have equal keys. */
  readonly predicateKey: string;
  readonly predicate: Predicate | undefined;
}

/** A source that could not be opened. */
export interface SourceFailure {
  readonly planned: PlannedSource;
  readonly reason: unknown;
}

/** What flows, and to whom: a source is opened for its first subscription and closed with its last. */
export class SourceRegistry {
  readonly #family: FamilyContext;
  readonly #context: SourceContext;
  readonly #sources = new Map<string, EventSource>();

  constructor(family: FamilyContext, context: SourceContext) {
    this.#family = family;
    this.#context = context;
  }

  /** Sources that are open now. */
  get size(): number {
    return this.#sources.size;
  }

  [Symbol.iterator](): Iterator<EventSource> {
    return this.#sources.values();
  }

  /**
   * Adds a subscription to the sources that it wants.
   *
   * @returns why some could not be opened; where none could, the subscription is part of none
   */
  async add(subscription: Subscription, planned: readonly PlannedSource[]): Promise<SourceFailure[]> {
    const opening = planned.map(({ plan, predicateKey, predicate }) => {
      const source = this.#sources.get(plan.key) ?? this.#open(plan);
      source.add(subscription, predicateKey, predicate);
      return source.opened;
    });
    const results = await Promise.allSettled(opening);
    const failures = results.flatMap((result, at) =>
      result.status === "rejected" ? [{ planned: planned[at]!, reason: result.reason as unknown }] : [],
    );
    for (const failure of failures) this.#leave(failure.planned.plan.key, subscription);
    return failures;
  }

  remove(subscription: Subscription): void {
    for (const key of this.#sources.keys()) this.#leave(key, subscription);
  }

  #leave(key: string, subscription: Subscription): void {
    const source = this.#sources.get(key);
    if (source === undefined || source.remove(subscription)) return;
    this.#sources.delete(key);
    source.opened.then((close) => close()).catch(() => {});
  }

  #open(plan: SourcePlan): EventSource {
    const source = new EventSource(this.#context);
    source.opened = (async () => plan.open(this.#family, source))();
    // Whoever waits for it is told; nobody may wait any more.
    source.opened.catch(() => {});
    this.#sources.set(plan.key, source);
    return source;
  }
}
