import { type EventAttr, type EventTarget, OpenFlag } from "@kernscope/perf-native";
import { CgroupTargets } from "./cgroup-targets.js";
import { PerfError } from "./errors.js";
import { listThreads } from "./process-targets.js";

/** What a monitor watches; with neither: the whole system. */
export interface TargetOptions {
  /** Processes: all their threads, and what they start from then on. */
  pids?: readonly number[];
  /**
   * Directories of cgroups, with all that is below them: of cgroup v2, or of v1 where the perf_event controller is
   * mounted there. One that is removed is not missed among others; one made anew under its name is another.
   */
  cgroups?: readonly string[];
}

/** What one event is opened on. */
export interface TargetList {
  targets: EventTarget[];
  /** Bits of `OpenFlag`. */
  flags: number;
  /** Whether what the targets start is watched too: `perf_event_attr.inherit`. */
  inherit: boolean;
}

/** The targets of a monitor; it keeps cgroups' directories open. */
export class Targets {
  readonly #pids: readonly number[];
  readonly #cgroups: CgroupTargets;

  /** @throws PerfError `invalid`, `not_found`, `permission`, `system` */
  static async open({ pids = [], cgroups = [] }: TargetOptions): Promise<Targets> {
    if (pids.length > 0 && cgroups.length > 0) {
      throw new PerfError("invalid", {
        operation: "open",
        subject: "targets",
        cause: "pids and cgroups are given",
        remedy: "choose one",
      });
    }
    for (const pid of pids) {
      if (Number.isInteger(pid) && pid > 0) continue;
      throw new PerfError("invalid", { operation: "open", subject: `pid ${pid}`, cause: "not a process id" });
    }
    await Promise.all(pids.map(listThreads));
    return new Targets(pids, await CgroupTargets.open(cgroups));
  }

  private constructor(pids: readonly number[], cgroups: CgroupTargets) {
    this.#pids = pids;
    this.#cgroups = cgroups;
  }

  /**
   * The targets as they are now, on each of `cpus`.
   *
   * @throws PerfError `not_found` where a process has ended, or all cgroups were removed
   */
  async list(cpus: readonly number[]): Promise<TargetList> {
    const on = (ids: readonly number[]) => ids.flatMap((pid) => cpus.map((cpu) => ({ pid, cpu })));
    if (!this.#cgroups.empty) {
      return { targets: on(this.#cgroups.descriptors()), flags: OpenFlag.PID_CGROUP, inherit: false };
    }
    if (this.#pids.length === 0) return { targets: on([-1]), flags: 0, inherit: false };
    const threads = await Promise.all(this.#pids.map(listThreads));
    return { targets: on(threads.flat()), flags: 0, inherit: true };
  }

  /**
   * Whether there are threads that `listed` lacks. Those made by a thread that an event was opened on are watched with it;
   * but these may be of one that it was not opened on yet.
   */
  async hasGrown({ targets }: Pick<TargetList, "targets">): Promise<boolean> {
    const listed = new Set(targets.map(({ pid }) => pid));
    const threads = await Promise.all(this.#pids.map((pid) => listThreads(pid).catch(unlessEnded)));
    return threads.flat().some((thread) => !listed.has(thread));
  }

  /** Whether an event could not be opened because of cgroups that were removed, which are left out from now on. */
  forgetRemoved(error: unknown): Promise<boolean> {
    return this.#cgroups.forgetRemoved(error);
  }

  /** Says what is wrong with a target, where that is why an event could not be opened. */
  explain(error: unknown, subject: string, attr: EventAttr): Promise<PerfError | undefined> {
    return this.#cgroups.explain(error, subject, attr);
  }

  /** Whether they are bound to a CPU, so that their events are gone when it goes: all but processes are. */
  get boundToCpus(): boolean {
    return this.#pids.length === 0;
  }

  close(): Promise<void> {
    return this.#cgroups.close();
  }
}

/** A process that has ended has no threads. */
function unlessEnded(error: unknown): number[] {
  if (error instanceof PerfError && error.code === "not_found") return [];
  throw error;
}
