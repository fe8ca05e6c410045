import type { EventMonitor } from "@kernscope/perf";
import type { ProcessInfoCache, Task } from "@kernscope/process-cache";
import type { Envelope } from "../envelope.js";
import type { TelemetryEvent } from "../event.js";
import type { EventKind } from "../event-kinds.js";

/** What a family of events is made from. */
export interface FamilyContext {
  readonly monitor: EventMonitor;
  readonly processCache: ProcessInfoCache;
  readonly envelope: Envelope;
  /** Whether a task is the sensor itself: its own activity makes no events. */
  isOwn(task: Task): boolean;
}

export type EventSink = (event: TelemetryEvent) => void;

/** Ends the events that an {@link EventFamily} opened. */
export type CloseEvents = () => Promise<void> | void;

/** Event kinds that are made the same way. Each file in this folder exports one. */
export interface EventFamily {
  readonly kinds: readonly EventKind[];
  /** Starts handing events of `kind` to `sink`. */
  open(kind: EventKind, context: FamilyContext, sink: EventSink): Promise<CloseEvents> | CloseEvents;
}
