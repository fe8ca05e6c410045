import type { ContainerEntry } from "./container-entry.js";
import type {
  ContainerCreatedEvent,
  ContainerDestroyedEvent,
  ContainerExitedEvent,
  ContainerRunningEvent,
  ContainerUpdatedEvent,
} from "./container-events.js";
import type { ContainerData, ContainerFacts, ContainerField } from "./container-info.js";
import { ContainerRuntime, ContainerState } from "./container-state.js";
import { rankOf } from "./runtime-rank.js";

/** What became of what was said, in the order in which it is to be told. */
export type LifecycleEvent =
  | { readonly kind: "created"; readonly data: ContainerCreatedEvent }
  | { readonly kind: "running"; readonly data: ContainerRunningEvent }
  | { readonly kind: "exited"; readonly data: ContainerExitedEvent }
  | { readonly kind: "destroyed"; readonly data: ContainerDestroyedEvent }
  | { readonly kind: "updated"; readonly data: ContainerUpdatedEvent };

/** How a run ended. */
export interface RunEnd {
  readonly status: number | undefined;
  readonly signal: number | undefined;
  readonly oomKilled: boolean;
}

export interface Claim {
  readonly runtime: ContainerRuntime;
  readonly data: ContainerData;
  /** It is told of nothing that was so before anybody listened. */
  readonly silent: boolean;
  /** Unix milliseconds. */
  readonly now: number;
}

/** Facts that are taken as they are; the state and what belongs to a run follow from it. */
const plainFields = [
  "name",
  "imageId",
  "imageName",
  "imageDigest",
  "labels",
  "createdTime",
  "restartCount",
  "pod",
  "jsonConfig",
  "ociConfig",
  "cgroupPath",
] as const satisfies readonly (keyof ContainerFacts)[];

/** Takes in what a runtime says. `undefined`: it is out of date. */
export function applyClaim(entry: ContainerEntry, claim: Claim): LifecycleEvent[] | undefined {
  if (entry.destroyed) return undefined;
  const { data, silent } = claim;
  const owns = rankOf(claim.runtime) >= rankOf(entry.runtime);
  if (claim.runtime !== ContainerRuntime.Unknown) entry.known = true;
  const events: LifecycleEvent[] = [];
  const wasAnnounced = entry.announced;
  const update = applyFields(entry, claim, owns);
  const state = owns ? (data.state ?? ContainerState.Unknown) : ContainerState.Unknown;
  if (state !== ContainerState.Unknown) announce(entry, events, silent);
  const stale = state !== ContainerState.Unknown && !applyState(entry, state, claim, events, update);
  if (wasAnnounced && update.changes.size > 0) events.push(updated(entry, update));
  return stale && events.length === 0 ? undefined : events;
}

/** The kernel saw the first process of a run. */
export function applyRun(entry: ContainerEntry, run: { pid: number; cgroupId: number; now: number }): LifecycleEvent[] {
  const events: LifecycleEvent[] = [];
  announce(entry, events, false);
  entry.cgroupId = run.cgroupId;
  entry.pidGuessed = true;
  begin(entry, run.pid, run.now, events);
  return events;
}

/** The first process of a run ended, as the kernel saw it. */
export function applyEnd(entry: ContainerEntry, end: RunEnd, now: number): LifecycleEvent[] {
  const events: LifecycleEvent[] = [];
  if (entry.isRunning) finish(entry, end, now, events);
  return events;
}

/** There is no such container any more. */
export function applyRemoval(entry: ContainerEntry, now: number): LifecycleEvent[] {
  const events: LifecycleEvent[] = [];
  if (entry.destroyed) return events;
  if (entry.isRunning) finish(entry, unknownEnd, now, events);
  entry.destroyed = true;
  if (entry.announced) events.push({ kind: "destroyed", data: { container: entry } });
  return events;
}

export const unknownEnd: RunEnd = { status: undefined, signal: undefined, oomKilled: false };

interface Update {
  readonly changes: Set<ContainerField>;
  readonly previous: Record<string, unknown>;
}

function applyFields(entry: ContainerEntry, { runtime, data }: Claim, owns: boolean): Update {
  const update: Update = { changes: new Set(), previous: {} };
  if (owns && runtime !== ContainerRuntime.Unknown && entry.runtime !== runtime) set(entry, "runtime", runtime, update);
  for (const field of plainFields) {
    const value = data[field];
    if (value === undefined || (!owns && !isEmpty(entry[field]))) continue;
    if (isSame(entry[field], value)) continue;
    // Two parts of a runtime may have looked at the clock one after the other.
    if (field === "createdTime" && entry.createdTime !== undefined) continue;
    // These change with everything else that does, or say what the cgroup's path said already.
    if (field === "jsonConfig" || field === "ociConfig" || field === "cgroupPath") entry[field] = value as string;
    else set(entry, field, value, update);
  }
  return update;
}

/** Returns false for what is out of date. */
function applyState(
  entry: ContainerEntry,
  state: ContainerState,
  claim: Claim,
  events: LifecycleEvent[],
  update: Update,
): boolean {
  const { data, silent } = claim;
  switch (state) {
    case ContainerState.Running:
    case ContainerState.Paused: {
      if (!claimsRun(entry, data)) return false;
      if (!entry.isRunning || (data.pid && entry.pid && data.pid !== entry.pid)) {
        takeRun(entry, claim, events);
      } else if (data.pid && entry.pid !== data.pid) set(entry, "pid", data.pid, update);
      if (data.pid) entry.pidGuessed = false;
      if (data.startedTime !== undefined) entry.startedTime = data.startedTime;
      if (entry.state !== state) changeState(entry, state, silent, events, update);
      return true;
    }
    case ContainerState.Exited:
    case ContainerState.Restarting:
      return applyExit(entry, state, claim, events, update);
    case ContainerState.Removing:
      if (entry.state !== state && !entry.isRunning) changeState(entry, state, silent, events, update);
      return true;
    default:
      if (entry.state !== ContainerState.Unknown) return entry.state === state;
      entry.state = state;
      return true;
  }
}

/** Whether it can be that it runs, by what is known of its last end. */
function claimsRun(entry: ContainerEntry, { pid, startedTime }: ContainerData): boolean {
  if (entry.isRunning) return !(pid && pid === entry.endedPid);
  if (entry.state === ContainerState.Removing) return false;
  if (pid) return pid !== entry.endedPid;
  return startedTime === undefined || startedTime > entry.runEnd;
}

function takeRun(entry: ContainerEntry, { data, silent, now }: Claim, events: LifecycleEvent[]): void {
  const pid = data.pid ?? 0;
  if (entry.isRunning && entry.pidGuessed) {
    // It is the same run: another program was executed before the first process's own.
    entry.pid = pid;
    return;
  }
  const all: LifecycleEvent[] = silent ? [] : events;
  if (entry.isRunning) finish(entry, unknownEnd, data.startedTime ?? now, all);
  entry.pidGuessed = false;
  begin(entry, pid, data.startedTime ?? now, all);
}

function applyExit(
  entry: ContainerEntry,
  state: ContainerState,
  { data, silent, now }: Claim,
  events: LifecycleEvent[],
  update: Update,
): boolean {
  const end: RunEnd = { status: data.exitStatus, signal: data.exitSignal, oomKilled: data.oomKilled ?? false };
  const endTime = data.finishedTime ?? now;
  if (entry.isRunning) {
    // The next run has begun since.
    if (data.finishedTime !== undefined && data.finishedTime < entry.runStart) return false;
    if (data.pid && data.pid !== entry.pid && entry.pid !== 0) return false;
    finish(entry, end, endTime, silent ? [] : events);
  } else if (entry.state === ContainerState.Created && data.startedTime !== undefined) {
    const all = silent ? [] : events;
    begin(entry, data.pid ?? 0, data.startedTime, all);
    finish(entry, end, endTime, all);
  } else {
    completeEnd(entry, end, data.finishedTime, update);
  }
  if (data.startedTime !== undefined) entry.startedTime = data.startedTime;
  if (entry.state !== state && entry.state !== ContainerState.Removing) {
    // A word on the end alone does not know that it will be started again.
    const knowsLess = entry.state === ContainerState.Restarting && data.startedTime === undefined;
    if (!knowsLess) changeState(entry, state, silent, events, update);
  }
  return true;
}

/** Takes in what the runtime knows of an end that was told already. */
function completeEnd(entry: ContainerEntry, end: RunEnd, finishedTime: number | undefined, update: Update): void {
  if (entry.exitStatus === undefined && entry.exitSignal === undefined) {
    if (end.status !== undefined) set(entry, "exitStatus", end.status, update);
    if (end.signal !== undefined) set(entry, "exitSignal", end.signal, update);
  }
  if (end.oomKilled && !entry.oomKilled) set(entry, "oomKilled", true, update);
  entry.finishedTime ??= finishedTime;
}

function begin(entry: ContainerEntry, pid: number, time: number, events: LifecycleEvent[]): void {
  entry.state = ContainerState.Running;
  entry.pid = pid;
  entry.runStart = time;
  entry.startedTime = time;
  entry.finishedTime = undefined;
  entry.exitStatus = undefined;
  entry.exitSignal = undefined;
  entry.oomKilled = false;
  events.push({ kind: "running", data: { container: entry, pid } });
}

function finish(entry: ContainerEntry, end: RunEnd, time: number, events: LifecycleEvent[]): void {
  entry.state = ContainerState.Exited;
  entry.exitStatus = end.status;
  entry.exitSignal = end.signal;
  entry.oomKilled = end.oomKilled;
  entry.finishedTime = time;
  entry.runEnd = time;
  entry.endedPid = entry.pid;
  const { pid, exitCode, exitStatus, exitSignal, oomKilled } = entry;
  events.push({ kind: "exited", data: { container: entry, pid, exitCode, exitStatus, exitSignal, oomKilled } });
}

function announce(entry: ContainerEntry, events: LifecycleEvent[], silent: boolean): void {
  if (entry.announced) return;
  entry.announced = true;
  if (entry.state === ContainerState.Unknown && !silent) entry.state = ContainerState.Created;
  if (!silent) events.push({ kind: "created", data: { container: entry } });
}

/** Of a silent claim nothing is told. */
function changeState(
  entry: ContainerEntry,
  state: ContainerState,
  silent: boolean,
  events: LifecycleEvent[],
  update: Update,
): void {
  if (silent || state === ContainerState.Created) {
    entry.state = state;
    return;
  }
  // What belongs to the new state must not be told before the events that lead to it.
  const before = entry.state;
  entry.state = state;
  if (events.length === 0) {
    update.changes.add("state");
    update.previous.state ??= before;
    return;
  }
  events.push(updated(entry, { changes: new Set(["state"]), previous: { state: before } }));
}

function updated(entry: ContainerEntry, { changes, previous }: Update): LifecycleEvent {
  const { state } = entry;
  return { kind: "updated", data: { container: entry, changes: [...changes], previous, state } };
}

function set<K extends keyof ContainerFacts | "runtime">(
  entry: ContainerEntry,
  field: K,
  value: ContainerEntry[K],
  update: Update,
): void {
  update.changes.add(field);
  update.previous[field] = entry[field];
  entry[field] = value;
}

function isEmpty(value: unknown): boolean {
  return value === undefined || value === "" || value === 0 || (typeof value === "object" && !hasKeys(value));
}

function hasKeys(value: object | null): boolean {
  return value !== null && Object.keys(value).length > 0;
}

function isSame(a: unknown, b: unknown): boolean {
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return a === b;
  const [left, right] = [a as Record<string, unknown>, b as Record<string, unknown>];
  const keys = Object.keys(left);
  return keys.length === Object.keys(right).length && keys.every((key) => left[key] === right[key]);
}
