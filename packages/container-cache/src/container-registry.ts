import type { EventMonitor, SampleId } from "@kernscope/perf";
import { ContainerEntry } from "./container-entry.js";
import type { ContainerCacheEvents } from "./container-events.js";
import type { ContainerData } from "./container-info.js";
import {
  applyClaim,
  applyEnd,
  applyRemoval,
  applyRun,
  type LifecycleEvent,
  type RunEnd,
  unknownEnd,
} from "./container-lifecycle.js";
import { ContainerRuntime, ContainerState } from "./container-state.js";
import type { ProcessLook } from "./process-look.js";

/** Milliseconds for which the kernel's word on an end waits for the runtime's, and the other way round. */
const PATIENCE = 500;
/** Removals that are remembered. */
const REMOVAL_LIMIT = 4096;

export interface RegistryOptions {
  readonly monitor: Pick<EventMonitor, "clock" | "enqueueExternalSample">;
  readonly events: ContainerCacheEvents;
  readonly maxContainers: number;
  readonly processes: ProcessLook;
  /** How a process ended, where that was seen lately. */
  readonly endOf: (pid: number) => SeenEnd | undefined;
  /** A container became known, or its cgroup's path did. */
  readonly onKnown: (entry: ContainerEntry) => void;
  /** A container is gone. */
  readonly onGone: (entry: ContainerEntry) => void;
}

/** The end of a process, as the kernel saw it. */
export interface SeenEnd {
  readonly end: RunEnd;
  readonly sample: SampleId;
}

export interface ClaimOptions {
  /** The sample that tells it; left out: none does. */
  readonly sampleId?: SampleId;
  /** It was so before anybody listened. */
  readonly silent?: boolean;
  /** Name and image are known by now, or never will be. */
  readonly settled?: boolean;
  /** The kernel's word was waited for. */
  readonly waited?: boolean;
}

/** What waits for the other side's word on an end. */
interface Waiting {
  readonly timer: NodeJS.Timeout;
  /** The kernel's word; `undefined`: it is the kernel's that is waited for. */
  readonly seen: SeenEnd | undefined;
  readonly afterwards: (() => void)[];
}

/** All containers by id, and what becomes of what is said of them. */
export class ContainerRegistry {
  readonly #options: RegistryOptions;
  readonly #entries = new Map<string, ContainerEntry>();
  readonly #waiting = new Map<ContainerEntry, Waiting>();
  /** The time of the last event of a container: the next one is not to come before it. */
  readonly #told = new WeakMap<ContainerEntry, number>();
  /** When containers were removed, of `performance.now()`: what was read of one before that may come after it. */
  readonly #removed = new Map<string, number>();
  /** Running containers by the pid of their first process. */
  readonly byPid = new Map<number, ContainerEntry>();
  #closed = false;
  refused = 0;
  stale = 0;

  constructor(options: RegistryOptions) {
    this.#options = options;
  }

  get(id: string): ContainerEntry | undefined {
    return this.#entries.get(id);
  }

  /** The known containers. */
  all(): ContainerEntry[] {
    return [...this.#entries.values()].filter(({ known }) => known);
  }

  /** `undefined` where there are too many. */
  getOrCreate(id: string): ContainerEntry | undefined {
    const known = this.#entries.get(id);
    if (known !== undefined) return known;
    if (this.#entries.size >= this.#options.maxContainers) {
      this.refused++;
      return undefined;
    }
    const entry = new ContainerEntry(id, (self, runtime, sampleId, data) => {
      this.claim(self, runtime, data, { sampleId });
    });
    this.#entries.set(id, entry);
    return entry;
  }

  /** Takes in what a runtime says. */
  claim(entry: ContainerEntry, runtime: ContainerRuntime, data: ContainerData, options: ClaimOptions = {}): void {
    if (!options.waited && !options.silent && this.#mustWait(entry, data)) {
      this.#wait(entry, undefined, () => this.claim(entry, runtime, data, { ...options, waited: true }));
      return;
    }
    const { sampleId, silent = false, settled = false } = options;
    const settles = settled && !entry.settled;
    entry.settled ||= settled;
    const waiting = this.#waiting.get(entry);
    if (waiting?.seen !== undefined && endsRun(data.state)) this.#resolve(entry, data);
    const [wasKnown, path] = [entry.known, entry.cgroupPath];
    const now = this.#now();
    const { announced } = entry;
    const events = applyClaim(entry, { runtime, data: silent ? this.#truth(entry, data) : data, silent, now });
    if (events === undefined) this.stale++;
    if (settles && announced && (events ?? []).every(({ kind }) => kind !== "updated")) {
      const settling = { container: entry, changes: ["settled" as const], previous: {}, state: entry.state };
      this.#tell(entry, [{ kind: "updated", data: settling }], () => sampleId ?? this.#sample(entry, undefined));
    }
    if (events !== undefined)
      this.#tell(entry, events, (event) => sampleId ?? this.#sample(entry, timeOf(event, data)));
    this.#follow(entry);
    if (entry.known && (!wasKnown || path !== entry.cgroupPath)) this.#options.onKnown(entry);
    const seen = entry.isRunning && entry.pid !== 0 ? this.#options.endOf(entry.pid) : undefined;
    if (seen !== undefined) this.ended(entry, seen);
  }

  /** The kernel saw the first process of a container begin. */
  began(entry: ContainerEntry, sample: SampleId): void {
    const now = this.#options.monitor.clock.toUnixMillis(sample.elapsed);
    this.#tell(entry, applyRun(entry, { pid: sample.pid, cgroupId: sample.cgroup, now }), () => sample);
    this.#follow(entry);
  }

  /** The kernel saw the first process of a container end. */
  ended(entry: ContainerEntry, seen: SeenEnd): void {
    const waiting = this.#waiting.get(entry);
    if (waiting === undefined && seen.end.status === undefined && seen.end.signal === undefined) {
      this.#wait(entry, seen, () => {});
      return;
    }
    this.#end(entry, seen);
    this.#release(entry);
  }

  /** The container is there no more, as its runtime says. */
  remove(entry: ContainerEntry, sampleId?: SampleId, waited = false): void {
    if (!waited && this.#mustWaitToRemove(entry)) {
      this.#wait(entry, undefined, () => this.remove(entry, sampleId, true));
      return;
    }
    this.#release(entry);
    if (this.#entries.get(entry.id) !== entry) return;
    const events = applyRemoval(entry, this.#now());
    this.#entries.delete(entry.id);
    this.#noteRemoval(entry.id);
    this.#tell(entry, events, () => sampleId ?? this.#sample(entry, undefined));
    this.#follow(entry);
    this.#options.onGone(entry);
  }

  /** Whether a container was removed at a time (of `performance.now()`) or later: what is said of it as of then is out of date. */
  wasRemoved(id: string, asOf: number): boolean {
    return (this.#removed.get(id) ?? Number.NEGATIVE_INFINITY) >= asOf;
  }

  /** Ends the containers whose first process is gone, without anybody having told of it. */
  endMissing(): void {
    for (const [pid, entry] of [...this.byPid]) {
      if (!this.#options.processes.lives(pid))
        this.ended(entry, { end: unknownEnd, sample: this.#sample(entry, undefined) });
    }
  }

  /** Takes it that nothing more will be learnt of containers that have waited for `age` milliseconds. */
  settleOlder(age: number): void {
    for (const entry of this.#entries.values()) {
      if (!entry.known || entry.settled || performance.now() - entry.born < age) continue;
      this.claim(entry, ContainerRuntime.Unknown, {}, { settled: true });
    }
  }

  /** Gives timers back; nothing is told any more. */
  close(): void {
    this.#closed = true;
    for (const entry of [...this.#waiting.keys()]) this.#take(entry);
  }

  /** The runtime may be quicker than the kernel's records: their word, which knows the signal, is on its way. */
  #mustWait(entry: ContainerEntry, { state, pid, finishedTime }: ContainerData): boolean {
    const waiting = this.#waiting.get(entry);
    if (waiting !== undefined) return waiting.seen === undefined;
    if (!endsRun(state)) return false;
    if (!entry.isRunning) {
      const hasNotRun = entry.state === ContainerState.Created || entry.state === ContainerState.Unknown;
      return hasNotRun && finishedTime !== undefined && this.#now() - finishedTime < PATIENCE;
    }
    if (entry.pid === 0 || (pid && pid !== entry.pid)) return false;
    if (finishedTime !== undefined && finishedTime < entry.runStart) return false;
    return this.#options.endOf(entry.pid) === undefined;
  }

  /** The kernel's word on a short life may still be on its way when all of it is over. */
  #mustWaitToRemove(entry: ContainerEntry): boolean {
    const waiting = this.#waiting.get(entry);
    if (waiting !== undefined) return waiting.seen === undefined;
    if (entry.isRunning) return entry.pid !== 0 && this.#options.endOf(entry.pid) === undefined;
    const hasNotRun = entry.state === ContainerState.Created || entry.state === ContainerState.Unknown;
    return hasNotRun && performance.now() - entry.born < PATIENCE;
  }

  #wait(entry: ContainerEntry, seen: SeenEnd | undefined, next: () => void): void {
    const waiting = this.#waiting.get(entry);
    if (waiting !== undefined) {
      waiting.afterwards.push(next);
      return;
    }
    const timer = setTimeout(() => this.#release(entry), PATIENCE);
    timer.unref();
    this.#waiting.set(entry, { timer, seen, afterwards: [next] });
  }

  #noteRemoval(id: string): void {
    this.#removed.delete(id);
    this.#removed.set(id, performance.now());
    if (this.#removed.size > REMOVAL_LIMIT) this.#removed.delete(this.#removed.keys().next().value as string);
  }

  /** The runtime's word completes that of the kernel. */
  #resolve(entry: ContainerEntry, { exitStatus, exitSignal, oomKilled }: ContainerData): void {
    const waiting = this.#take(entry);
    if (waiting?.seen === undefined) return;
    const { end, sample } = waiting.seen;
    const whole = { status: exitStatus, signal: exitSignal, oomKilled: end.oomKilled || (oomKilled ?? false) };
    this.#end(entry, { end: whole, sample });
    for (const next of waiting.afterwards) next();
  }

  #release(entry: ContainerEntry): void {
    const waiting = this.#take(entry);
    if (waiting === undefined) return;
    if (waiting.seen !== undefined) this.#end(entry, waiting.seen);
    for (const next of waiting.afterwards) next();
  }

  #take(entry: ContainerEntry): Waiting | undefined {
    const waiting = this.#waiting.get(entry);
    clearTimeout(waiting?.timer);
    this.#waiting.delete(entry);
    return waiting;
  }

  #end(entry: ContainerEntry, { end, sample }: SeenEnd): void {
    const now = this.#options.monitor.clock.toUnixMillis(sample.elapsed);
    this.#tell(entry, applyEnd(entry, end, now), () => sample);
    this.#follow(entry);
  }

  /** A file may say for ever that a process runs which is gone. */
  #truth(entry: ContainerEntry, data: ContainerData): ContainerData {
    const runs = data.state === ContainerState.Running || data.state === ContainerState.Paused;
    const { id } = entry;
    const cgroupPath = data.cgroupPath ?? entry.cgroupPath;
    if (!runs || !data.pid || this.#options.processes.isOf(data.pid, { id, cgroupPath })) return data;
    return { ...data, state: ContainerState.Exited, pid: undefined };
  }

  #follow(entry: ContainerEntry): void {
    const pid = entry.isRunning ? entry.pid : 0;
    if (pid === entry.followedPid) return;
    if (this.byPid.get(entry.followedPid) === entry) this.byPid.delete(entry.followedPid);
    entry.followedPid = pid;
    if (pid !== 0) this.byPid.set(pid, entry);
  }

  #tell(entry: ContainerEntry, events: LifecycleEvent[], sampleOf: (event: LifecycleEvent) => SampleId): void {
    if (this.#closed) return;
    const { monitor, events: ids } = this.#options;
    for (const event of events) {
      const sample = sampleOf(event);
      const elapsed = Math.max(sample.elapsed, this.#told.get(entry) ?? Number.NEGATIVE_INFINITY);
      this.#told.set(entry, elapsed);
      monitor.enqueueExternalSample(ids[event.kind], { ...sample, elapsed }, event.data);
    }
  }

  /** Unix milliseconds. */
  #now(): number {
    const { clock } = this.#options.monitor;
    return clock.toUnixMillis(clock.now());
  }

  /** The sample of what no record told: at its time where the runtime says it, which is past. */
  #sample({ pid, cgroupId }: ContainerEntry, time: number | undefined): SampleId {
    const { clock } = this.#options.monitor;
    const now = clock.now();
    const elapsed = time === undefined ? now : Math.min(now, (time - clock.toUnixMillis(0)) * 1e6);
    return { pid, tid: pid, cpu: 0, cgroup: cgroupId, elapsed };
  }
}

function endsRun(state: ContainerState | undefined): boolean {
  return state === ContainerState.Exited || state === ContainerState.Restarting;
}

function timeOf({ kind }: LifecycleEvent, data: ContainerData): number | undefined {
  if (kind === "created") return data.createdTime;
  if (kind === "running") return data.startedTime;
  return kind === "exited" ? data.finishedTime : undefined;
}
