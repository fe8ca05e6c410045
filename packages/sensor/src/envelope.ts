import { randomBytes } from "node:crypto";
import type { MonitorClock, SampleId } from "@kernscope/perf";
import type { Task } from "@kernscope/process-cache";
import { type EventPayload, type LineageEntry, LostRecordCause, LostRecordType, type TelemetryEvent } from "./event.js";
import type { Gap } from "./event-queue.js";

/** Forebears that an event names at most: a chain longer than this is made by someone who wants it long. */
const MAX_LINEAGE = 64;

/** Puts payloads into events: ids, sequence, times, and who the process is. */
export class Envelope {
  readonly sensorId: string;
  readonly #clock: MonitorClock;
  #sequence = 0;

  constructor(clock: MonitorClock, sensorId = randomBytes(8).toString("hex")) {
    this.#clock = clock;
    this.sensorId = sensorId;
  }

  /** Events made so far. */
  get count(): number {
    return this.#sequence;
  }

  nextSequenceNumber(): number {
    return ++this.#sequence;
  }

  /** An event of a task, at the moment and place of a sample. */
  ofTask(sample: SampleId, task: Task, event: EventPayload): TelemetryEvent {
    const { creds, cgroupPath } = task;
    return {
      ...this.#base(this.nextSequenceNumber(), sample.elapsed),
      processId: task.leader.processId,
      processPid: task.pid,
      processTgid: task.tgid,
      containerId: task.containerId,
      processLineage: lineage(task),
      cpu: sample.cpu,
      ...(creds !== undefined && { credentials: creds }),
      commandLine: task.leader.commandLine,
      commandLineTruncated: task.leader.commandLineTruncated,
      ...(cgroupPath !== undefined && { cgroupPath }),
      event,
    };
  }

  /** Tells a subscriber what its own queue had no room for. */
  ofGap(gap: Gap): TelemetryEvent {
    const { sequenceNumber, ...rest } = gap;
    const value = { ...rest, type: LostRecordType.SUBSCRIPTION, cause: LostRecordCause.SLOW_CLIENT };
    return { ...this.#base(sequenceNumber, gap.lastMonotimeNanos), event: { case: "lost", value } };
  }

  /** Tells of events that were lost before they became events. */
  ofLoss(lost: number, type: number, cause: number, from: number, to: number): TelemetryEvent {
    const value = { lost, type, cause, firstMonotimeNanos: from, lastMonotimeNanos: to };
    return { ...this.#base(this.nextSequenceNumber(), to), event: { case: "lost", value } };
  }

  #base(sequence: number, elapsed: number) {
    return {
      id: `${this.sensorId}-${sequence}`,
      sensorId: this.sensorId,
      sensorSequenceNumber: sequence,
      sensorMonotimeNanos: elapsed,
      unixTimeNanos: this.#clock.toUnixNanos(elapsed),
    };
  }
}

/** The process of a task and its forebears, itself first. */
function lineage(task: Task): LineageEntry[] {
  const entries: LineageEntry[] = [];
  let process: Task | undefined = task.leader;
  while (process !== undefined && entries.length < MAX_LINEAGE) {
    const { pid, command, processId, filename } = process;
    entries.push({ pid, command, processId, executable: filename });
    process = process.parent?.leader;
  }
  return entries;
}
