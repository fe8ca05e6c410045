import type { Cred, Task } from "@kernscope/process-cache";
import type { LineageEntry, PodEntry } from "./event.js";

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

export const noContainer: ContainerLabels = Object.freeze({
  id: "",
  name: "",
  imageId: "",
  imageName: "",
  settled: true,
});

/** The Kubernetes pod of a container. */
export interface PodLabels {
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
  readonly containerName: string;
}

/** Where events come from. */
export interface EventOrigin {
  readonly sensorId: string;
  /** Unix time in nanoseconds at which `sensorMonotimeNanos` was 0. */
  readonly unixOrigin: bigint;
}

/** What a context takes of a task. */
interface TaskFacts {
  readonly pid: number | undefined;
  readonly creds: Cred | undefined;
  readonly cgroupPath: string | undefined;
  readonly leader: {
    readonly pid: number | undefined;
    readonly commandLine: readonly string[] | undefined;
    readonly commandLineTruncated: boolean | undefined;
  };
}

/** Contexts by those that they took the place of, when more was known of the container. */
const successors = new WeakMap<EventContext, EventContext>();

/** The part of an event that the next ones of its task have in common with it, as the API calls its fields. Never changed. */
export class EventContext implements EventOrigin {
  readonly sensorId: string;
  readonly unixOrigin: bigint;
  readonly processId: string | undefined;
  readonly processPid: number | undefined;
  readonly processTgid: number | undefined;
  readonly processLineage: readonly LineageEntry[] | undefined;
  readonly containerId: string | undefined;
  readonly containerName: string | undefined;
  readonly imageId: string | undefined;
  readonly imageName: string | undefined;
  readonly pod: PodEntry | undefined;
  readonly credentials: Cred | undefined;
  readonly commandLine: readonly string[] | undefined;
  readonly commandLineTruncated: boolean | undefined;
  readonly cgroupPath: string | undefined;
  /** Bytes of what has no bound of its own, roughly. */
  readonly size: number;

  constructor(
    { sensorId, unixOrigin }: EventOrigin,
    container?: ContainerLabels,
    task?: Task | TaskFacts,
    lineage?: readonly LineageEntry[],
  ) {
    const leader = task?.leader;
    this.sensorId = sensorId;
    this.unixOrigin = unixOrigin;
    this.processId = lineage?.[0]?.processId;
    this.processPid = task?.pid;
    this.processTgid = leader?.pid;
    this.processLineage = lineage;
    this.containerId = container?.id;
    this.containerName = container?.name;
    this.imageId = container?.imageId;
    this.imageName = container?.imageName;
    this.pod = podOf(container?.pod);
    this.credentials = task?.creds;
    this.commandLine = leader?.commandLine;
    this.commandLineTruncated = leader?.commandLineTruncated;
    this.cgroupPath = task?.cgroupPath;
    let size = 0;
    for (const argument of this.commandLine ?? []) size += 16 + argument.length;
    this.size = size;
  }
}

/**
 * A context as it is with what is known of its container now: itself where that is nothing else, and the same object for
 * all who ask of one context.
 */
export function contextWithContainer(context: EventContext, container: ContainerLabels): EventContext {
  if (isOf(context, container)) return context;
  const known = successors.get(context);
  if (known !== undefined && isOf(known, container)) return known;
  const { processPid: pid, processTgid, credentials: creds, commandLine, commandLineTruncated, cgroupPath } = context;
  const leader = { pid: processTgid, commandLine, commandLineTruncated };
  const made = new EventContext(context, container, { pid, creds, cgroupPath, leader }, context.processLineage);
  successors.set(context, made);
  return made;
}

function isOf(context: EventContext, { id, name, imageId, imageName, pod }: ContainerLabels): boolean {
  return (
    context.containerId === id &&
    context.containerName === name &&
    context.imageId === imageId &&
    context.imageName === imageName &&
    context.pod?.name === pod?.name &&
    context.pod?.namespace === pod?.namespace &&
    context.pod?.uid === pod?.uid &&
    context.pod?.container === pod?.containerName
  );
}

function podOf(pod: PodLabels | undefined): PodEntry | undefined {
  if (pod === undefined) return undefined;
  const { name, namespace, uid, containerName } = pod;
  return { name, namespace, uid, container: containerName };
}
