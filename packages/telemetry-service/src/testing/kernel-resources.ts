import { readdirSync, readFileSync } from "node:fs";
import { Tracefs } from "@kernscope/perf";

/** What a process holds that the kernel would have to take back. */
export interface KernelResources {
  readonly descriptors: number;
  /** Rings that are mapped. */
  readonly rings: number;
  /** Probes of all processes, a line each. */
  readonly probes: readonly string[];
}

/** Counts what a process holds. */
export async function resourcesOf(pid: number): Promise<KernelResources> {
  const probes = await probeLines();
  return {
    descriptors: readdirSync(`/proc/${pid}/fd`).length,
    rings: readFileSync(`/proc/${pid}/maps`, "utf8").split("perf_event").length - 1,
    probes,
  };
}

/** Those that a process of this library's made; they may outlive it. */
export async function probesOf(pid: number): Promise<string[]> {
  return (await probeLines()).filter((line) => new RegExp(`:kernscope/p\\d+_${pid}_`).test(line));
}

/** Every kernel and user probe that there is, whether tracefs is mounted anywhere or not. */
async function probeLines(): Promise<string[]> {
  const tracefs = await Tracefs.open();
  try {
    const read = (file: string) => tracefs.read(file).catch(absent);
    const texts = [await read("kprobe_events"), await read("uprobe_events")];
    return texts.flatMap((text) => text.split("\n")).filter((line) => line !== "");
  } finally {
    await tracefs.close();
  }
}

/** A kernel may be without one of the kinds; anything else must not look like no probes. */
function absent(error: unknown): string {
  if ((error as { errno?: string }).errno === "ENOENT") return "";
  throw error;
}
