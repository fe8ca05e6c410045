import type { EventId } from "@kernscope/perf";
import type { ContainerFacts, ContainerField, ContainerInfo } from "./container-info.js";
import type { ContainerState } from "./container-state.js";

/** The external events of a cache. */
export interface ContainerCacheEvents {
  readonly created: EventId;
  readonly running: EventId;
  readonly exited: EventId;
  readonly destroyed: EventId;
  readonly updated: EventId;
}

/** Data of the external event `createdEventId`. */
export interface ContainerCreatedEvent {
  readonly container: ContainerInfo;
}

/** Data of the external event `runningEventId`: its first process runs; also each time that it was started again. */
export interface ContainerRunningEvent {
  readonly container: ContainerInfo;
  /** Of the first process; 0 where not known yet. */
  readonly pid: number;
}

/** Data of the external event `exitedEventId`: its first process has ended. */
export interface ContainerExitedEvent {
  readonly container: ContainerInfo;
  readonly pid: number;
  /** As in the container's facts, at this exit. */
  readonly exitCode: number | undefined;
  readonly exitStatus: number | undefined;
  readonly exitSignal: number | undefined;
  readonly oomKilled: boolean;
}

/** Data of the external event `destroyedEventId`: there is no such container any more. */
export interface ContainerDestroyedEvent {
  readonly container: ContainerInfo;
}

/** Data of the external event `updatedEventId`: something else changed, or was learnt. */
export interface ContainerUpdatedEvent {
  readonly container: ContainerInfo;
  readonly changes: readonly ContainerField[];
  /** What the changed fields were before. */
  readonly previous: Partial<ContainerFacts> & { readonly state?: ContainerState };
  /** Its state after this. */
  readonly state: ContainerState;
}
