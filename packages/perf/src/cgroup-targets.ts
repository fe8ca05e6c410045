import { close, open } from "node:fs";
import { readlink, stat, statfs } from "node:fs/promises";
import { promisify } from "node:util";
import { type EventAttr, PerfNativeError, PerfType } from "@kernscope/perf-native";
import { findPerfHierarchy, type PerfHierarchy } from "./cgroup-hierarchy.js";
import { toPerfError } from "./errno.js";
import { PerfError } from "./errors.js";

interface Cgroup {
  readonly path: string;
  /** Of its directory, by which the kernel is told of it; open until all are closed: numbers are given again. */
  readonly descriptor: number;
}

/** CGROUP2_SUPER_MAGIC (include/uapi/linux/magic.h) */
const CGROUP2 = 0x6367_7270;

/** The cgroups that a monitor watches, as long as they are there. */
export class CgroupTargets {
  readonly #all: Cgroup[] = [];
  #living: Cgroup[] = [];

  /** @throws PerfError `not_found`, `permission`, `system` */
  static async open(paths: readonly string[]): Promise<CgroupTargets> {
    const cgroups = new CgroupTargets();
    try {
      for (const path of paths) cgroups.#all.push({ path, descriptor: await openDirectory(path) });
    } catch (error) {
      await cgroups.close();
      throw error;
    }
    cgroups.#living = [...cgroups.#all];
    return cgroups;
  }

  get empty(): boolean {
    return this.#all.length === 0;
  }

  /**
   * Of the directories of those that are there.
   *
   * @throws PerfError `not_found` when none is
   */
  descriptors(): number[] {
    if (this.#living.length > 0) return this.#living.map(({ descriptor }) => descriptor);
    throw new PerfError("not_found", {
      operation: "open",
      subject: `cgroup ${this.#all.map(({ path }) => path).join(", ")}`,
      cause: this.#all.length === 1 ? "it was removed" : "they were removed",
      remedy: "one that was made anew under that name is another: open a monitor on it",
    });
  }

  /** Takes out what was removed, where that can be why an event was not opened; whether there was any. */
  async forgetRemoved(error: unknown): Promise<boolean> {
    if (!isWithoutController(error)) return false;
    const removed = await Promise.all(this.#living.map(({ descriptor }) => isRemoved(descriptor)));
    this.#living = this.#living.filter((_, index) => !removed[index]);
    return removed.includes(true);
  }

  /**
   * Says what is wrong with a cgroup, where that is why an event was not opened: the kernel answers ENOENT, as it does for
   * an event that it does not have.
   */
  async explain(error: unknown, subject: string, { type }: EventAttr): Promise<PerfError | undefined> {
    if (!isWithoutController(error)) return undefined;
    const hierarchy = await findPerfHierarchy();
    if (hierarchy === undefined) return undefined;
    const { pid, cpu } = error;
    const accused = this.#living.find(({ descriptor }) => descriptor === pid);
    const refuse = ({ path }: Cgroup, cause: string, remedy: string) => {
      const details = { operation: "perf_event_open", subject: `${subject}, cgroup ${path}`, cause, remedy, cpu };
      return new PerfError("not_found", { ...details, errno: "ENOENT", from: error });
    };
    for (const cgroup of accused === undefined ? this.#living : [accused]) {
      if (await belongsTo(hierarchy, cgroup.descriptor)) continue;
      const where = `cgroup v${hierarchy.version}, ${hierarchy.place ?? "which is not mounted here"}`;
      return refuse(cgroup, "it is not of the hierarchy that has perf_event", `give a directory of that one: ${where}`);
    }
    // Any tracepoint is there by the time its number is known.
    if (accused === undefined || hierarchy.version === 1 || type !== PerfType.TRACEPOINT) return undefined;
    const remedy = `write to cgroup.subtree_control in ${hierarchy.place ?? "the hierarchy's root"}, such as +pids`;
    return refuse(accused, "perf_event is not on in it", remedy);
  }

  async close(): Promise<void> {
    this.#living = [];
    await Promise.all(this.#all.splice(0).map(({ descriptor }) => promisify(close)(descriptor)));
  }
}

/** Whether it is what the kernel answers for a directory whose cgroup the perf_event controller does not have. */
function isWithoutController(error: unknown): error is PerfNativeError {
  return error instanceof PerfNativeError && error.operation === "perf_event_open" && error.errno === "ENOENT";
}

/** A directory that was removed keeps its name, with a remark that may be part of another's name, too. */
async function isRemoved(descriptor: number): Promise<boolean> {
  const link = `/proc/self/fd/${descriptor}`;
  const name = await readlink(link).catch(() => "");
  if (!name.endsWith(" (deleted)")) return false;
  const [own, other] = await Promise.all([stat(link), stat(name).catch(() => undefined)]);
  return own.ino !== other?.ino || own.dev !== other.dev;
}

async function belongsTo({ version, place }: PerfHierarchy, descriptor: number): Promise<boolean> {
  const directory = `/proc/self/fd/${descriptor}`;
  const isVersion2 = (await statfs(directory)).type === CGROUP2;
  if (version === 2 || isVersion2) return isVersion2 && version === 2;
  return place === undefined || (await stat(place)).dev === (await stat(directory)).dev;
}

async function openDirectory(path: string): Promise<number> {
  try {
    return await promisify(open)(path, "r");
  } catch (error) {
    throw toPerfError(error, "open", `cgroup ${path}`);
  }
}
