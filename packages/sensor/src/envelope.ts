import { randomBytes } from "node:crypto";
import type { MonitorClock } from "@kernscope/perf";
import type { Cred, Task } from "@kernscope/process-cache";
import type { LineageEntry, PodEntry, TelemetryEvent } from "./event.js";
import type { Gap } from "./event-queue.js";
import { LineageCache } from "./lineage-cache.js";
import { type EventPayload, LostRecordCause, LostRecordType } from "./payload.js";

/** When and where something happened: part of every sample. */
export interface Moment {
  /** Nanoseconds since the monitor's `clock.origin`. */
  readonly elapsed: number;
  readonly cpu: number;
  /** Id of the perf_event cgroup; 0 where it was not sampled. */
  readonly cgroup: number;
}

/** What an event says of the container it happened in. */
export interface ContainerLabels {
  readonly id: string;
  readonly name: string;
  readonly imageId: string;
  readonly imageName: string;
  readonly pod?: PodLabels | undefined;
  /** Nothing more will be known of it. */
  readonly settled: boolean;
}

/** The Kubernetes pod of a container. */
export interface PodLabels {
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
  readonly containerName: string;
}

const noContainer: ContainerLabels = Object.freeze({ id: "", name: "", imageId: "", imageName: "", settled: true });

/** Puts payloads into events: ids, sequence, times, and who did it. */
export class Envelope {
  readonly sensorId: string;
  readonly #clock: MonitorClock;
  readonly #lineages = new LineageCache();
  #sequence = 0;
  #unixOrigin: bigint;

  constructor(clock: MonitorClock, sensorId = randomBytes(8).toString("hex")) {
    this.#clock = clock;
    this.sensorId = sensorId;
    this.#unixOrigin = clock.toUnixNanos(0);
  }

  /** Events made so far. */
  get count(): number {
    return this.#sequence;
  }

  nextSequenceNumber(): number {
    return ++this.#sequence;
  }

  /** Takes the wall clock's steps in: to be called now and then. */
  refresh(): void {
    this.#unixOrigin = this.#clock.toUnixNanos(0);
  }

  /** An event of a task. */
  ofTask(moment: Moment, task: Task, payload: EventPayload, container: ContainerLabels | undefined): TelemetryEvent {
    return new SensorEvent(this.sensorId, ++this.#sequence, moment.elapsed, this.#unixOrigin, payload, {
      task,
      cpu: moment.cpu,
      container: container ?? noContainer,
      lineage: this.#lineages.of(task),
    });
  }

  /** An event that no task caused. */
  ofNobody(elapsed: number, payload: EventPayload, container?: ContainerLabels): TelemetryEvent {
    const event = this.#bare(++this.#sequence, elapsed, payload);
    if (container === undefined) return event;
    const { id, name, imageId, imageName, pod } = container;
    return Object.assign(event, { containerId: id, containerName: name, imageId, imageName, pod: podOf(pod) });
  }

  /** Tells a subscriber what its own queue had no room for. */
  ofGap(gap: Gap): TelemetryEvent {
    const { sequenceNumber, ...rest } = gap;
    const value = { ...rest, type: LostRecordType.SUBSCRIPTION, cause: LostRecordCause.SLOW_CLIENT };
    return this.#bare(sequenceNumber, gap.lastMonotimeNanos, { case: "lost", value });
  }

  /** Tells of events that were lost before they became events. */
  ofLoss(lost: number, type: number, cause: number, from: number, to: number): TelemetryEvent {
    const value = { lost, type, cause, firstMonotimeNanos: from, lastMonotimeNanos: to };
    return this.#bare(++this.#sequence, to, { case: "lost", value });
  }

  #bare(sequence: number, elapsed: number, payload: EventPayload): TelemetryEvent {
    return new SensorEvent(this.sensorId, sequence, elapsed, this.#unixOrigin, payload, undefined);
  }
}

interface Doer {
  readonly task: Task;
  readonly cpu: number;
  readonly container: ContainerLabels;
  readonly lineage: readonly LineageEntry[];
}

function podOf(pod: PodLabels | undefined): PodEntry | undefined {
  if (pod === undefined) return undefined;
  const { name, namespace, uid, containerName } = pod;
  return { name, namespace, uid, container: containerName };
}

/** One shape for all events; what can be computed from what never changes is computed for those who read it. */
class SensorEvent implements TelemetryEvent {
  readonly sensorId: string;
  readonly sensorSequenceNumber: number;
  readonly sensorMonotimeNanos: number;
  readonly event: EventPayload;
  readonly processId: string | undefined;
  readonly processPid: number | undefined;
  readonly processTgid: number | undefined;
  readonly processLineage: readonly LineageEntry[] | undefined;
  readonly containerId: string | undefined;
  readonly containerName: string | undefined;
  readonly imageId: string | undefined;
  readonly imageName: string | undefined;
  readonly pod: PodEntry | undefined;
  readonly cpu: number | undefined;
  readonly credentials: Cred | undefined;
  readonly commandLine: readonly string[] | undefined;
  readonly commandLineTruncated: boolean | undefined;
  readonly cgroupPath: string | undefined;
  readonly #unixOrigin: bigint;

  constructor(
    sensorId: string,
    sequence: number,
    elapsed: number,
    unixOrigin: bigint,
    payload: EventPayload,
    doer: Doer | undefined,
  ) {
    this.sensorId = sensorId;
    this.sensorSequenceNumber = sequence;
    this.sensorMonotimeNanos = elapsed;
    this.event = payload;
    this.#unixOrigin = unixOrigin;
    if (doer === undefined) return;
    const { task, cpu, container, lineage } = doer;
    const { leader } = task;
    this.processId = lineage[0]!.processId;
    this.processPid = task.pid;
    this.processTgid = leader.pid;
    this.processLineage = lineage;
    this.containerId = container.id;
    this.containerName = container.name;
    this.imageId = container.imageId;
    this.imageName = container.imageName;
    this.pod = podOf(container.pod);
    this.cpu = cpu;
    this.credentials = task.creds;
    this.commandLine = leader.commandLine;
    this.commandLineTruncated = leader.commandLineTruncated;
    this.cgroupPath = task.cgroupPath;
  }

  get id(): string {
    return `${this.sensorId}-${this.sensorSequenceNumber}`;
  }

  get unixTimeNanos(): bigint {
    return this.#unixOrigin + BigInt(Math.round(this.sensorMonotimeNanos));
  }
}
