import type { ContainerCache } from "@kernscope/container-cache";
import type { Expression } from "@kernscope/expression";
import type { EventId, EventMonitor } from "@kernscope/perf";
import type { ProcessInfoCache, Task } from "@kernscope/process-cache";
import type { Moment } from "../envelope.js";
import type { ContainerLabels } from "../event-context.js";
import type { EventKind } from "../event-kinds.js";
import type { FieldTable } from "../field-table.js";
import type { KernelSupport } from "../kernel-support.js";
import type { EventPayload } from "../payload.js";
import type { EventFilter } from "../subscription-request.js";

/** What a family of events is made from. */
export interface FamilyContext {
  readonly monitor: EventMonitor;
  readonly processCache: ProcessInfoCache;
  /** `undefined` where the kernel does not tell of cgroups. */
  readonly containerCache: ContainerCache | undefined;
}

/** Takes the events of one source. Those of the sensor's own activity are dropped in it. */
export interface EventSink {
  /** Samples of this kernel event that are lost are told to the subscribers, as a loss of `type` (`LostRecordType`). */
  owns(id: EventId, type?: number): void;
  /**
   * Whether what happens in a cgroup, by its id as samples have it, can be for anybody: to be asked before anything is
   * done for a sample. Where it is true, {@link EventSink.emit} asks again.
   */
  wants(cgroup: number): boolean;
  /** A task did something. */
  emit(moment: Moment, task: Task, payload: EventPayload): void;
  /** Something happened that no task caused. */
  emitBare(elapsed: number, payload: EventPayload, container?: ContainerLabels): void;
}

/** Ends the events that a plan opened. */
export type CloseEvents = () => Promise<void> | void;

/** How this host serves a kind. */
export interface Service {
  /** Kernel events and other places that it comes from; empty: nothing serves it. */
  readonly sources: readonly string[];
  /** What its events lack, or why there are none; empty: they are complete. */
  readonly lacks: readonly string[];
  /** What would mend that. */
  readonly remedies: readonly string[];
}

/** A part of a condition that the kernel evaluates. */
export interface KernelPart {
  /** The kernel event. */
  readonly event: string;
  /** In the kernel's language; empty: all of them come. */
  readonly filter: string;
}

/** How the events that a filter wants will be made: found without acquiring anything. */
export interface SourcePlan {
  /** Plans with equal keys open the same: they share what one of them opens. */
  readonly key: string;
  readonly kernel: readonly KernelPart[];
  /** What of the condition is left to be evaluated here. */
  readonly rest: Expression | undefined;
  /** Why the kernel does not evaluate that, where its filters have words for it. */
  readonly why?: string;
  /** What the subscriber is told that it does not get. */
  readonly lacks?: readonly string[];
  open(context: FamilyContext, sink: EventSink): Promise<CloseEvents> | CloseEvents;
}

/** Event kinds that are made the same way. Each file in this folder exports one. */
export interface EventFamily<F extends EventFilter = EventFilter> {
  readonly kinds: readonly EventKind[];
  /**
   * The fields of its conditions, and how they are read from the payload.
   *
   * @throws SensorError `invalid` where the filter's arguments are not in order
   */
  fields(filter: F): FieldTable;
  /** How `kind` is served here. */
  service(kind: EventKind, kernel: KernelSupport): Promise<Service> | Service;
  /**
   * How a filter will be served; its condition has been validated.
   *
   * @throws SensorError `invalid`, `unsupported`
   */
  plan(filter: F, kernel: KernelSupport): Promise<SourcePlan> | SourcePlan;
}
