import type { EventId } from "@kernscope/perf";
import type { Task } from "@kernscope/process-cache";
import type { Envelope, Moment } from "./envelope.js";
import type { TelemetryEvent } from "./event.js";
import type { ContainerLabels } from "./event-context.js";
import type { CloseEvents, EventSink } from "./events/family.js";
import { type EventPayload, LostRecordType } from "./payload.js";
import type { Subscription } from "./subscription.js";

/** Whether a payload's value passes what of a condition is evaluated here. */
export type Predicate = (value: EventPayload["value"]) => boolean;

/** Subscriptions that want the same events of a source. */
interface Group {
  readonly predicate: Predicate | undefined;
  readonly subscriptions: Set<Subscription>;
  /** The same ones, for the hot path. */
  list: readonly Subscription[];
}

export interface SourceContext {
  readonly envelope: Envelope;
  /** Whether a task is the sensor itself. */
  isOwn(task: Task): boolean;
  /** The container that a task runs in, by the cgroup of the sample or, where it has none, of the task. */
  containerOf(cgroup: number, task: Task): ContainerLabels | undefined;
  /** The container of a cgroup, by its id as samples have it. */
  containerOfCgroup(cgroup: number): ContainerLabels | undefined;
}

/**
 * Something that was opened once for all who want it. An event is made when the first of them wants it, and the same
 * object goes to all.
 */
export class EventSource implements EventSink {
  /** Settles when it is open. */
  opened: Promise<CloseEvents> = Promise.resolve(() => {});
  /** `LostRecordType` by the kernel events that it consists of. */
  readonly owned = new Map<EventId, number>();
  readonly #context: SourceContext;
  readonly #groups = new Map<string, Group>();
  /** The same groups, for the hot path. */
  #list: readonly Group[] = [];
  /** Nobody wants what happens outside of certain containers. */
  #isOfContainers = false;

  constructor(context: SourceContext) {
    this.#context = context;
  }

  /** Adds a subscription to those that want what passes a predicate; `key` says which predicate it is. */
  add(subscription: Subscription, key: string, predicate: Predicate | undefined): void {
    let group = this.#groups.get(key);
    if (group === undefined) {
      group = { predicate, subscriptions: new Set(), list: [] };
      this.#groups.set(key, group);
    }
    group.subscriptions.add(subscription);
    group.list = [...group.subscriptions];
    this.#changed();
  }

  /** Returns whether anybody is left. */
  remove(subscription: Subscription): boolean {
    let wasPart = false;
    for (const [key, group] of this.#groups) {
      if (!group.subscriptions.delete(subscription)) continue;
      wasPart = true;
      group.list = [...group.subscriptions];
      if (group.list.length === 0) this.#groups.delete(key);
    }
    if (wasPart) this.#changed();
    return this.#groups.size > 0;
  }

  owns(id: EventId, type: number = LostRecordType.SUBSCRIPTION): void {
    this.owned.set(id, type);
  }

  wants(cgroup: number): boolean {
    // Without a cgroup's id it is the task's that counts.
    if (!this.#isOfContainers || cgroup === 0) return true;
    const container = this.#context.containerOfCgroup(cgroup);
    for (const { list } of this.#list) {
      for (const subscription of list) if (subscription.mayWant(container)) return true;
    }
    return false;
  }

  emit(moment: Moment, task: Task, payload: EventPayload): void {
    const { envelope, isOwn, containerOf } = this.#context;
    if (isOwn(task)) return;
    const container = containerOf(moment.cgroup, task);
    let event: TelemetryEvent | undefined;
    for (const { predicate, list } of this.#list) {
      let passes = predicate === undefined;
      for (const subscription of list) {
        if (!subscription.mayWant(container)) continue;
        passes ||= predicate!(payload.value);
        if (!passes) break;
        event ??= envelope.ofTask(moment, task, payload, container);
        subscription.push(event, container);
      }
    }
  }

  emitBare(elapsed: number, payload: EventPayload, container?: ContainerLabels): void {
    let event: TelemetryEvent | undefined;
    for (const { predicate, list } of this.#list) {
      let passes = predicate === undefined;
      for (const subscription of list) {
        if (!subscription.mayWant(container)) continue;
        passes ||= predicate!(payload.value);
        if (!passes) break;
        event ??= this.#context.envelope.ofNobody(elapsed, payload, container);
        subscription.push(event, container);
      }
    }
  }

  /** All who want any of its events. */
  get subscriptions(): ReadonlySet<Subscription> {
    return new Set(this.#list.flatMap(({ subscriptions }) => [...subscriptions]));
  }

  #changed(): void {
    if (this.#groups.size !== this.#list.length) this.#list = [...this.#groups.values()];
    this.#isOfContainers = this.#list.every(({ list }) => list.every(({ isOfContainers }) => isOfContainers));
  }
}
