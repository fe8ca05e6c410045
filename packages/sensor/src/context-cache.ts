import type { Task } from "@kernscope/process-cache";
import { type ContainerLabels, EventContext, type EventOrigin, type PodLabels } from "./event-context.js";
import { isCurrentLineage, lineageOf } from "./lineage.js";

/** A context and what it was made of. */
interface Known {
  readonly task: Task;
  readonly pod: PodLabels | undefined;
  readonly context: EventContext;
  /** Of all lineages, when its lineage was last seen to be current. */
  version: number;
}

/** Goes up with each change of what a lineage tells of any task. */
export interface LineageVersion {
  readonly lineageVersion: number;
}

/** Tasks that are remembered; a power of two. Most events are of few tasks at a time. */
const SLOTS = 512;

/** The contexts of the tasks that made the last events. */
export class ContextCache {
  readonly #slots = new Array<Known | undefined>(SLOTS).fill(undefined);
  readonly #versions: LineageVersion;
  #origin: EventOrigin;

  constructor(origin: EventOrigin, versions: LineageVersion) {
    this.#origin = origin;
    this.#versions = versions;
  }

  get origin(): EventOrigin {
    return this.#origin;
  }

  set origin(origin: EventOrigin) {
    this.#origin = origin;
    this.#slots.fill(undefined);
  }

  /** What holds now for a task that runs in a container (`noContainer`: in none). */
  of(task: Task, container: ContainerLabels): EventContext {
    const slot = task.pid & (SLOTS - 1);
    const known = this.#slots[slot];
    const version = this.#versions.lineageVersion;
    if (known !== undefined && known.task === task && isCurrent(known, task, container, version)) return known.context;
    const context = new EventContext(this.#origin, container, task, lineageOf(task));
    this.#slots[slot] = { task, pod: container.pod, context, version };
    return context;
  }
}

function isCurrent(known: Known, task: Task, container: ContainerLabels, version: number): boolean {
  const { context, pod } = known;
  const { leader } = task;
  const isSame =
    context.credentials === task.creds &&
    context.commandLine === leader.commandLine &&
    context.commandLineTruncated === leader.commandLineTruncated &&
    context.cgroupPath === task.cgroupPath &&
    context.containerId === container.id &&
    context.containerName === container.name &&
    context.imageId === container.imageId &&
    context.imageName === container.imageName &&
    pod === container.pod;
  if (!isSame || (known.version !== version && !isCurrentLineage(context.processLineage!, leader))) return false;
  known.version = version;
  return true;
}
