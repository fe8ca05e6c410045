import type { Cred } from "@kernscope/process-cache";

/**
 * A telemetry event, as a plain object of the shape of the v0 API's `TelemetryEvent`: what is absent has its default.
 * All subscribers get the same object; it is never changed after.
 */
export interface TelemetryEvent {
  /** Unique: sensor id and sequence number. */
  readonly id: string;
  /** Names the process for ever, also after its pid was given to another one. */
  readonly processId?: string;
  /** The kernel's pid: the thread's. */
  readonly processPid?: number;
  /** The process id as users know it: the pid of the thread group's leader. */
  readonly processTgid?: number;
  readonly containerId?: string;
  readonly sensorId: string;
  /** Counts this sensor's events, from 1. */
  readonly sensorSequenceNumber: number;
  /** Nanoseconds since the sensor was opened. */
  readonly sensorMonotimeNanos: number;
  /** The process and its forebears: itself first. */
  readonly processLineage?: readonly LineageEntry[];
  readonly cpu?: number;
  readonly credentials?: Cred;
  /** Unix time in nanoseconds. */
  readonly unixTimeNanos: bigint;
  /** Arguments of the program that the process runs. */
  readonly commandLine?: readonly string[];
  readonly commandLineTruncated?: boolean;
  readonly cgroupPath?: string;
  readonly event: EventPayload;
}

export interface LineageEntry {
  /** Process id (thread group) of the forebear. */
  readonly pid: number;
  readonly command: string;
  readonly processId: string;
  /** Path of the program as it was given to execve(2). */
  readonly executable: string;
}

export type EventPayload =
  | { readonly case: "process"; readonly value: ProcessPayload }
  | { readonly case: "lost"; readonly value: LostPayload };

/** Numbers of the API's `ProcessEventType`. */
export const ProcessEventType = { FORK: 1, EXEC: 2, EXIT: 3, UPDATE: 4 } as const;

/** `ProcessEvent` of the API. */
export interface ProcessPayload {
  readonly type: number;
  readonly forkChildPid?: number;
  readonly forkChildId?: string;
  /** Flags of clone(2), with the exit signal in the low byte where it is known. */
  readonly forkCloneFlags?: number;
  readonly execFilename?: string;
  readonly execCommandLine?: readonly string[];
  readonly execCommandLineTruncated?: boolean;
  /** The wait status of wait(2). */
  readonly exitCode?: number;
  /** What was given to exit(2). */
  readonly exitStatus?: number;
  readonly exitSignal?: number;
  readonly exitCoreDumped?: boolean;
  readonly exitStatusUnknown?: boolean;
  readonly exitCoreDumpedUnknown?: boolean;
}

/** Numbers of the API's `LostRecordEventType`: whose events were lost. */
export const LostRecordType = { UNKNOWN: 0, SUBSCRIPTION: 1, PROCESS: 2 } as const;

/** Numbers of the API's `LostRecordCause`: where they were lost. */
export const LostRecordCause = {
  KERNEL_RING: 1,
  PROBE_MISSED: 2,
  SENSOR_BUFFER: 3,
  MALFORMED: 4,
  SLOW_CLIENT: 5,
} as const;

/** `LostRecordEvent` of the API. */
export interface LostPayload {
  /** How many; exact. */
  readonly lost: number;
  readonly type: number;
  readonly cause: number;
  /** Sequence numbers of the first and last that were lost, where they had one. */
  readonly firstSequenceNumber?: number;
  readonly lastSequenceNumber?: number;
  /** The loss lies between these, nanoseconds as `sensorMonotimeNanos`. */
  readonly firstMonotimeNanos?: number;
  readonly lastMonotimeNanos?: number;
}

/** Bytes that an event takes in a queue, roughly: what bounds a queue need not be exact, but must grow with the event. */
export function eventSize(event: TelemetryEvent): number {
  let size = 512;
  for (const argument of event.commandLine ?? []) size += 16 + argument.length;
  if (event.event.case === "process") {
    // The arguments of an exec are those of its process: the same strings.
    size += event.event.value.execFilename?.length ?? 0;
  }
  return size;
}
