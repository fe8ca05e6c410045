import { existsSync, readdirSync, readFileSync } from "node:fs";

const tracing = ["/sys/kernel/tracing", "/sys/kernel/debug/tracing"].find((path) => existsSync(`${path}/events`));

/** What a process holds that the kernel would have to take back. */
export interface KernelResources {
  readonly descriptors: number;
  /** Rings that are mapped. */
  readonly rings: number;
  /** Probes of all processes, a line each. */
  readonly probes: readonly string[];
}

/** Counts what a process holds. */
export function resourcesOf(pid: number): KernelResources {
  return {
    descriptors: readdirSync(`/proc/${pid}/fd`).length,
    rings: readFileSync(`/proc/${pid}/maps`, "utf8").split("perf_event").length - 1,
    probes: probeLines(),
  };
}

/** Every kernel and user probe that there is; those of tracefs that is not mounted are not seen. */
export function probeLines(): string[] {
  if (tracing === undefined) return [];
  return ["kprobe_events", "uprobe_events"].flatMap((file) => {
    if (!existsSync(`${tracing}/${file}`)) return [];
    return readFileSync(`${tracing}/${file}`, "utf8")
      .split("\n")
      .filter((line) => line !== "");
  });
}
