import type { Cred } from "@kernscope/process-cache";
import type { EventFields, LineageEntry, PodEntry, TelemetryEvent } from "./event.js";
import { type ContainerLabels, contextWithContainer, type EventContext } from "./event-context.js";
import type { EventPayload } from "./payload.js";

/** An event as it is with what is known of its container now: the same object where that is nothing else. */
export function withContainer(event: TelemetryEvent, container: ContainerLabels): TelemetryEvent {
  const context = contextWithContainer(event.context, container);
  if (context === event.context) return event;
  const { sensorSequenceNumber, sensorMonotimeNanos, cpu, event: payload } = event;
  return new SensorEvent(context, sensorSequenceNumber, sensorMonotimeNanos, cpu, payload);
}

/**
 * The events that a sensor makes. There can be hundreds of thousands a second, so one holds what is its own only, and shows
 * the rest from its context.
 */
export class SensorEvent implements TelemetryEvent {
  readonly context: EventContext;
  readonly sensorSequenceNumber: number;
  readonly sensorMonotimeNanos: number;
  readonly cpu: number | undefined;
  readonly event: EventPayload;

  constructor(
    context: EventContext,
    sequence: number,
    elapsed: number,
    cpu: number | undefined,
    payload: EventPayload,
  ) {
    this.context = context;
    this.sensorSequenceNumber = sequence;
    this.sensorMonotimeNanos = elapsed;
    this.cpu = cpu;
    this.event = payload;
  }

  get id(): string {
    return `${this.context.sensorId}-${this.sensorSequenceNumber}`;
  }

  get sensorId(): string {
    return this.context.sensorId;
  }

  get unixTimeNanos(): bigint {
    return this.context.unixOrigin + BigInt(Math.round(this.sensorMonotimeNanos));
  }

  get processId(): string | undefined {
    return this.context.processId;
  }

  get processPid(): number | undefined {
    return this.context.processPid;
  }

  get processTgid(): number | undefined {
    return this.context.processTgid;
  }

  get processLineage(): readonly LineageEntry[] | undefined {
    return this.context.processLineage;
  }

  get containerId(): string | undefined {
    return this.context.containerId;
  }

  get containerName(): string | undefined {
    return this.context.containerName;
  }

  get imageId(): string | undefined {
    return this.context.imageId;
  }

  get imageName(): string | undefined {
    return this.context.imageName;
  }

  get pod(): PodEntry | undefined {
    return this.context.pod;
  }

  get credentials(): Cred | undefined {
    return this.context.credentials;
  }

  get commandLine(): readonly string[] | undefined {
    return this.context.commandLine;
  }

  get commandLineTruncated(): boolean | undefined {
    return this.context.commandLineTruncated;
  }

  get cgroupPath(): string | undefined {
    return this.context.cgroupPath;
  }

  toObject(): EventFields {
    const { sensorSequenceNumber, sensorMonotimeNanos, cpu, event } = this;
    const { size: _, unixOrigin: __, ...common } = this.context;
    const { id, unixTimeNanos } = this;
    return { id, ...common, sensorSequenceNumber, sensorMonotimeNanos, unixTimeNanos, cpu, event };
  }

  /** For JSON, which has no bigints: `unixTimeNanos` is decimal text. */
  toJSON(): object {
    return { ...this.toObject(), unixTimeNanos: String(this.unixTimeNanos) };
  }

  /** What `console.log` shows. */
  [Symbol.for("nodejs.util.inspect.custom")](): object {
    return this.toObject();
  }
}
