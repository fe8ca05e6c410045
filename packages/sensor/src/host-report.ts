import { readFile } from "node:fs/promises";
import type { RuntimeStatus } from "@kernscope/container-cache";
import { type Features, features } from "@kernscope/perf";
import type { FieldSource } from "@kernscope/process-cache";
import { type Capabilities, capabilities } from "./capabilities.js";
import { toSensorError } from "./errors.js";
import { Sensor } from "./sensor.js";

/** Whether a sensor can run on this host, and how well. */
export interface HostReport {
  /** Why a sensor cannot run; `undefined`: it can, and one was opened to see it. */
  readonly obstacle: string | undefined;
  /** Release of the kernel. */
  readonly kernel: string;
  /** As `process.arch` has it. */
  readonly architecture: string;
  /** Effective user id. */
  readonly uid: number | undefined;
  /** Of the capabilities that a sensor can use, those that this process has in effect. */
  readonly privileges: Readonly<Record<Privilege, boolean>>;
  /** What the kernel has, as far as this process may use it. */
  readonly features: Features;
  /** The kernel has probes, and somebody disarmed all of them: what needs them is not served now. */
  readonly probesSilent: boolean;
  /** The container runtimes that were looked for; empty where no sensor can run. */
  readonly runtimes: readonly RuntimeStatus[];
  readonly capabilities: Capabilities;
  /** By what values of processes are kept up to date, with nothing followed; empty where no sensor can run. */
  readonly values: readonly FieldSource[];
}

/** Capabilities that a sensor can use, by their numbers in include/uapi/linux/capability.h. */
const privileges = {
  CAP_DAC_READ_SEARCH: 2,
  CAP_IPC_LOCK: 14,
  CAP_SYS_PTRACE: 19,
  CAP_SYS_ADMIN: 21,
  CAP_SYS_NICE: 23,
  CAP_SYSLOG: 34,
  CAP_PERFMON: 38,
} as const;

/** A capability (capabilities(7)) that a sensor can use. */
export type Privilege = keyof typeof privileges;

/** Finds out how well a sensor runs on this host. It opens one, sees no event, and gives everything back. */
export async function hostReport(): Promise<HostReport> {
  const [found, able, effective] = [await features(), await capabilities(), await effectiveCapabilities()];
  const { obstacle, probesSilent, runtimes, values } = await tryToOpen();
  const entries = Object.entries(privileges).map(([name, bit]) => [name, ((effective >> BigInt(bit)) & 1n) === 1n]);
  return {
    obstacle,
    kernel: found.kernel,
    architecture: process.arch,
    uid: process.geteuid?.(),
    privileges: Object.fromEntries(entries),
    features: found,
    probesSilent,
    runtimes,
    capabilities: able,
    values,
  };
}

async function tryToOpen(): Promise<Pick<HostReport, "obstacle" | "probesSilent" | "runtimes" | "values">> {
  let sensor: Sensor | undefined;
  try {
    sensor = await Sensor.open();
    await sensor.start();
    const { containerCache, probesSilent, processCache } = sensor;
    const runtimes = containerCache?.runtimes() ?? [];
    return { obstacle: undefined, probesSilent, runtimes, values: processCache.sources() };
  } catch (error) {
    return { obstacle: toSensorError(error).message, probesSilent: false, runtimes: [], values: [] };
  } finally {
    await sensor?.stop();
  }
}

/** `CapEff` of proc_pid_status(5); none where there is no /proc. */
async function effectiveCapabilities(): Promise<bigint> {
  const status = await readFile("/proc/self/status", "utf8").catch(() => "");
  return BigInt(`0x${/^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? "0"}`);
}
