import { randomBytes } from "node:crypto";
import type { MonitorClock } from "@kernscope/perf";
import type { Task } from "@kernscope/process-cache";
import { ContextCache, type LineageVersion } from "./context-cache.js";
import type { TelemetryEvent } from "./event.js";
import { type ContainerLabels, EventContext, noContainer } from "./event-context.js";
import type { Gap } from "./event-queue.js";
import { type EventPayload, LostRecordCause, LostRecordType } from "./payload.js";
import { SensorEvent } from "./sensor-event.js";

/** When and where something happened: part of every sample. */
export interface Moment {
  /** Nanoseconds since the monitor's `clock.origin`. */
  readonly elapsed: number;
  readonly cpu: number;
  /** Id of the perf_event cgroup; 0 where it was not sampled. */
  readonly cgroup: number;
}

/** Puts payloads into events: ids, sequence, times, and who did it. */
export class Envelope {
  readonly sensorId: string;
  readonly #clock: MonitorClock;
  readonly #contexts: ContextCache;
  /** Of events that no task caused, outside of containers. */
  #bare: EventContext;
  #sequence = 0;

  constructor(clock: MonitorClock, versions: LineageVersion, sensorId = randomBytes(8).toString("hex")) {
    this.#clock = clock;
    this.sensorId = sensorId;
    this.#contexts = new ContextCache({ sensorId, unixOrigin: clock.toUnixNanos(0) }, versions);
    this.#bare = new EventContext(this.#contexts.origin);
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
    const unixOrigin = this.#clock.toUnixNanos(0);
    if (unixOrigin === this.#bare.unixOrigin) return;
    this.#contexts.origin = { sensorId: this.sensorId, unixOrigin };
    this.#bare = new EventContext(this.#contexts.origin);
  }

  /** An event of a task. */
  ofTask(moment: Moment, task: Task, payload: EventPayload, container: ContainerLabels | undefined): TelemetryEvent {
    const context = this.#contexts.of(task, container ?? noContainer);
    return new SensorEvent(context, ++this.#sequence, moment.elapsed, moment.cpu, payload);
  }

  /** An event that no task caused. */
  ofNobody(elapsed: number, payload: EventPayload, container?: ContainerLabels): TelemetryEvent {
    const context = container === undefined ? this.#bare : new EventContext(this.#contexts.origin, container);
    return new SensorEvent(context, ++this.#sequence, elapsed, undefined, payload);
  }

  /** Tells a subscriber what could not be kept for it. */
  ofGap(gap: Gap): TelemetryEvent {
    const { sequenceNumber, cause = LostRecordCause.SLOW_CLIENT, ...rest } = gap;
    const value = { ...rest, type: LostRecordType.SUBSCRIPTION, cause };
    return new SensorEvent(this.#bare, sequenceNumber, gap.lastMonotimeNanos, undefined, { case: "lost", value });
  }

  /** Tells of events that were lost before they became events. */
  ofLoss(lost: number, type: number, cause: number, from: number, to: number): TelemetryEvent {
    const value = { lost, type, cause, firstMonotimeNanos: from, lastMonotimeNanos: to };
    return new SensorEvent(this.#bare, ++this.#sequence, to, undefined, { case: "lost", value });
  }
}
