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
    task?: Task,
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

function podOf(pod: PodLabels | undefined): PodEntry | undefined {
  if (pod === undefined) return undefined;
  const { name, namespace, uid, containerName } = pod;
  return { name, namespace, uid, container: containerName };
}
