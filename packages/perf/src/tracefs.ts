import { constants } from "node:fs";
import { type FileHandle, open, readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { closeDescriptor, mountDetached } from "@kernscope/perf-native";
import { errnoError, toPerfError } from "./errno.js";
import { PerfError } from "./errors.js";
import { parseEventName, type TraceEventName, type Tracing } from "./tracing.js";

/** Where tracefs mostly is; the second one holds it on kernels before 4.1 and where debugfs mounts it. */
const usualPlaces = ["/sys/kernel/tracing", "/sys/kernel/debug/tracing"];

/** The kernel's tracefs: formats and ids of its events, and its control files. */
export class Tracefs implements Tracing {
  /** The directory it is in. A private one is at `/proc/self/fd/N` and gone with {@link Tracefs.close}. */
  readonly directory: string;
  #descriptor: number | undefined;

  /**
   * Uses the directory given, else one where tracefs is mounted, else mounts one that only this process sees.
   *
   * @throws PerfError `permission` when this process may neither read nor mount it, `unsupported` when the kernel has none
   */
  static async open(directory?: string): Promise<Tracefs> {
    if (directory !== undefined) {
      await assertTracefs(directory);
      return new Tracefs(directory);
    }
    for (const place of await mountedPlaces()) {
      if (await isReadable(place)) return new Tracefs(place);
    }
    return Tracefs.openPrivate();
  }

  /** Mounts one that only this process sees (Linux 5.2). */
  static async openPrivate(): Promise<Tracefs> {
    const descriptor = mountPrivately();
    return new Tracefs(`/proc/self/fd/${descriptor}`, descriptor);
  }

  get isPrivate(): boolean {
    return this.#descriptor !== undefined;
  }

  private constructor(directory: string, descriptor?: number) {
    this.directory = directory;
    this.#descriptor = descriptor;
  }

  async readFormat({ system, event }: TraceEventName): Promise<string> {
    const subject = `${system}/${event}`;
    try {
      return await readFile(this.#path("events", system, event, "format"), "utf8");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw toPerfError(error, "tracefs", subject);
      const remedy = "list the events of this kernel with listEvents()";
      throw new PerfError("not_found", {
        operation: "tracefs",
        subject,
        cause: "no such trace event",
        remedy,
        from: error,
      });
    }
  }

  /** The number of an event, by `system/event`: what `perf_event_attr.config` takes. */
  async readId(name: string): Promise<number> {
    const { system, event } = parseEventName(name);
    return Number(await this.read(join("events", system, event, "id")));
  }

  /** Names of all events that perf can open, as `system/event`, sorted. */
  async listEvents(): Promise<string[]> {
    const names = (await this.read("available_events")).split("\n").filter((line) => line !== "");
    return names.map((name) => name.replace(":", "/")).sort();
  }

  /** Reads a file below the directory. */
  async read(path: string): Promise<string> {
    try {
      return await readFile(this.#path(path), "utf8");
    } catch (error) {
      throw toPerfError(error, "tracefs", path);
    }
  }

  /**
   * Appends one line to a control file, in one write: the kernel takes it whole or not at all.
   *
   * @throws PerfError `invalid` for what is not one line of printable ASCII without `#`, which begins a comment
   */
  async append(path: string, line: string): Promise<void> {
    if (!/^[\x20-\x22\x24-\x7e]+$/.test(line)) {
      throw new PerfError("invalid", {
        operation: path,
        subject: JSON.stringify(line),
        cause: "not one printable line",
      });
    }
    const file = await this.#openToAppend(path);
    try {
      await file.write(`${line}\n`);
    } catch (error) {
      throw toPerfError(error, path, line);
    } finally {
      await file.close();
    }
  }

  async close(): Promise<void> {
    const descriptor = this.#descriptor;
    this.#descriptor = undefined;
    if (descriptor !== undefined) closeDescriptor(descriptor);
  }

  /** Opened without O_APPEND, the kernel would remove all probes first. */
  async #openToAppend(path: string): Promise<FileHandle> {
    try {
      return await open(this.#path(path), constants.O_WRONLY | constants.O_APPEND);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw toPerfError(error, "tracefs", path);
      const remedy = `needs a kernel with CONFIG_${path.toUpperCase()}`;
      throw new PerfError("unsupported", {
        operation: "tracefs",
        subject: path,
        cause: "no such file",
        remedy,
        feature: path === "kprobe_events" ? "kprobes" : path === "uprobe_events" ? "uprobes" : undefined,
        from: error,
      });
    }
  }

  #path(...parts: string[]): string {
    return join(this.directory, ...parts);
  }
}

/** Mount points of tracefs in a text like /proc/self/mountinfo (proc(5)), in its order. */
export function findMounts(mountinfo: string, type: string): string[] {
  return mountinfo.split("\n").flatMap((line) => {
    const [mount = "", source = ""] = line.split(" - ");
    const [, , , root, place] = mount.split(" ");
    if (source.split(" ")[0] !== type || root !== "/" || place === undefined) return [];
    return [place.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)))];
  });
}

async function mountedPlaces(): Promise<string[]> {
  const mountinfo = await readFile("/proc/self/mountinfo", "utf8").catch(() => "");
  return [...new Set([...usualPlaces, ...findMounts(mountinfo, "tracefs")])];
}

async function isReadable(directory: string): Promise<boolean> {
  try {
    return (await readdir(join(directory, "events"))).length > 0;
  } catch {
    return false;
  }
}

async function assertTracefs(directory: string): Promise<void> {
  try {
    await stat(join(directory, "events"));
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code !== "ENOENT" && code !== "ENOTDIR") throw toPerfError(error, "tracefs", directory);
    const remedy = "leave tracingDirectory out to have it found";
    throw new PerfError("not_found", {
      operation: "tracefs",
      subject: directory,
      cause: "not a tracefs",
      remedy,
      from: error,
    });
  }
}

function mountPrivately(): number {
  try {
    return mountDetached("tracefs");
  } catch (error) {
    const known = toPerfError(error, "tracefs");
    if (known.code !== "permission") throw known;
    // Whether it is mounted and closed to us, or not mounted: root mends both.
    throw errnoError("tracefs", "/sys/kernel/tracing", known.errno ?? "EACCES", { from: error });
  }
}
