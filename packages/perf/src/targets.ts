import { close, open } from "node:fs";
import { readdir } from "node:fs/promises";
import { promisify } from "node:util";
import { type EventTarget, OpenFlag } from "@kernscope/perf-native";
import { toPerfError } from "./errno.js";
import { PerfError } from "./errors.js";

/** What a monitor watches; with neither: the whole system. */
export interface TargetOptions {
  /** Processes: all their threads, and what they start from then on. */
  pids?: readonly number[];
  /**
   * Directories of cgroups, with all that is below them: of cgroup v2, or of v1 where the perf_event controller is
   * mounted there.
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
  readonly #directories: number[] = [];

  /** @throws PerfError `invalid`, `not_found` */
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
    const targets = new Targets(pids);
    for (const pid of pids) await targets.#threads(pid);
    try {
      for (const path of cgroups) targets.#directories.push(await openDirectory(path));
    } catch (error) {
      await targets.close();
      throw error;
    }
    return targets;
  }

  private constructor(pids: readonly number[]) {
    this.#pids = pids;
  }

  /** The targets as they are now, on each of `cpus`. */
  async list(cpus: readonly number[]): Promise<TargetList> {
    const on = (ids: readonly number[]) => ids.flatMap((pid) => cpus.map((cpu) => ({ pid, cpu })));
    if (this.#directories.length > 0) {
      return { targets: on(this.#directories), flags: OpenFlag.PID_CGROUP, inherit: false };
    }
    if (this.#pids.length === 0) return { targets: on([-1]), flags: 0, inherit: false };
    const threads = await Promise.all(this.#pids.map((pid) => this.#threads(pid)));
    return { targets: on(threads.flat()), flags: 0, inherit: true };
  }

  /** Whether they are bound to a CPU, so that their events are gone when it goes: all but processes are. */
  get boundToCpus(): boolean {
    return this.#pids.length === 0;
  }

  async close(): Promise<void> {
    await Promise.all(this.#directories.splice(0).map((descriptor) => promisify(close)(descriptor)));
  }

  async #threads(pid: number): Promise<number[]> {
    try {
      return (await readdir(`/proc/${pid}/task`)).map(Number);
    } catch (error) {
      throw new PerfError("not_found", {
        operation: "open",
        subject: `pid ${pid}`,
        cause: "no such process",
        from: error,
      });
    }
  }
}

async function openDirectory(path: string): Promise<number> {
  try {
    return await promisify(open)(path, "r");
  } catch (error) {
    throw toPerfError(error, "open", `cgroup ${path}`);
  }
}
