import type { Cred } from "@kernscope/process-cache";
import type { EventContext } from "./event-context.js";
import type { EventPayload } from "./payload.js";

/**
 * A telemetry event, an object of the shape of the v0 API's `TelemetryEvent`: what is absent has its default. All
 * subscribers get the same object; it is never changed after. One that waited for what a runtime tells of its container
 * is another object for those who waited: with what was told. What it has in common with others is read from its
 * `context`, and so is not among the properties that `{ ...event }` copies: use `toObject()`.
 */
export interface TelemetryEvent {
  /** The fields that it has in common with other events of its task, in an object that those have, too. */
  readonly context: EventContext;
  /** Unique: sensor id and sequence number. */
  readonly id: string;
  /** Names the process for ever, also after its pid was given to another one. */
  readonly processId?: string | undefined;
  /** The kernel's pid: the thread's. */
  readonly processPid?: number | undefined;
  /** The process id as users know it: the pid of the thread group's leader. */
  readonly processTgid?: number | undefined;
  /** The container it happened in; empty: in none. */
  readonly containerId?: string | undefined;
  readonly containerName?: string | undefined;
  readonly imageId?: string | undefined;
  readonly imageName?: string | undefined;
  readonly sensorId: string;
  /** Counts this sensor's events, from 1. */
  readonly sensorSequenceNumber: number;
  /** Nanoseconds since the sensor was opened. */
  readonly sensorMonotimeNanos: number;
  /** The process and its forebears: itself first. */
  readonly processLineage?: readonly LineageEntry[] | undefined;
  readonly cpu?: number | undefined;
  readonly credentials?: Cred | undefined;
  /** Unix time in nanoseconds. */
  readonly unixTimeNanos: bigint;
  /** Arguments of the program that the process runs. */
  readonly commandLine?: readonly string[] | undefined;
  readonly commandLineTruncated?: boolean | undefined;
  /** Path of the task's control group within its hierarchy. */
  readonly cgroupPath?: string | undefined;
  /** The Kubernetes pod of the container. */
  readonly pod?: PodEntry | undefined;
  readonly event: EventPayload;
  /** A copy of all fields. */
  toObject(): EventFields;
}

/** The fields of an event. */
export type EventFields = Omit<TelemetryEvent, "context" | "toObject">;

/** `Pod` of the API. */
export interface PodEntry {
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
  /** The container's name within the pod. */
  readonly container: string;
}

/** `Process` of the API: one of a process and its forebears. */
export interface LineageEntry {
  /** Process id (thread group) of the forebear. */
  readonly pid: number;
  /** As the kernel calls its first thread: up to 15 bytes, which the process can change. */
  readonly command: string;
  /** As {@link TelemetryEvent.processId}; empty where it is not known. */
  readonly processId: string;
  /** Path of the program as it was given to execve(2). */
  readonly executable: string;
}

/** Bytes that an event takes in a queue, roughly: what bounds a queue need not be exact, but must grow with the event. */
export function eventSize(event: TelemetryEvent): number {
  // The arguments of an exec are those of its process: the same strings.
  return 512 + event.context.size + payloadSize(event.event);
}

function payloadSize(payload: EventPayload): number {
  switch (payload.case) {
    case "syscall":
      return 0;
    case "process":
      return length(payload.value.execFilename) + length(payload.value.updateCwd);
    case "file": {
      const { filename, sourceFile, targetFile, oldname, newname } = payload.value;
      return length(filename) + length(sourceFile) + length(targetFile) + length(oldname) + length(newname);
    }
    case "kernelCall":
    case "userCall":
      return Object.values(payload.value.arguments).reduce((sum, { value }) => sum + 96 + length(value?.value), 0);
    case "container":
      return length(payload.value.dockerConfigJson) + length(payload.value.ociConfigJson);
    case "chargen":
      return payload.value.characters.length;
    case "performance":
      return 64 * payload.value.values.length;
    default:
      return 0;
  }
}

function length(value: unknown): number {
  return typeof value === "string" || value instanceof Uint8Array ? value.length : 0;
}
