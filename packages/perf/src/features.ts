import { constants } from "node:fs";
import { access, open, readFile } from "node:fs/promises";
import { release } from "node:os";
import { join } from "node:path";
import { type EventAttr, PerfNativeError, PerfType, SoftwareEvent, tryEvent } from "@kernscope/perf-native";
import { findPerfHierarchy } from "./cgroup-hierarchy.js";
import { toPerfError } from "./errno.js";
import { type FeatureName, type FeatureNeeds, featureTable } from "./feature-table.js";
import { Tracefs } from "./tracefs.js";

/** A feature of the running kernel, as far as this process may use it. */
export interface Feature extends FeatureNeeds {
  readonly supported: boolean;
  /** Where it is not supported: why. */
  readonly reason?: string;
  /** Where there is more to say of it: where it is, or how far it goes. */
  readonly detail?: string;
}

export interface Features extends Readonly<Record<FeatureName, Feature>> {
  /** Release of the kernel. */
  readonly kernel: string;
  /** `kernel.perf_event_paranoid`: what processes without CAP_PERFMON may do. `undefined`: it could not be read. */
  readonly paranoid: number | undefined;
  /** `kernel.perf_event_mlock_kb`: KiB of rings on each CPU that a process without CAP_IPC_LOCK may have. */
  readonly ringLimit: number | undefined;
}

/** What a detection found: supported unless there is a reason why not. */
interface Finding {
  reason?: string;
  detail?: string;
}

let found: Promise<Features> | undefined;

/**
 * What the running kernel has of what this package can use, and this process may use. It is looked up once; `refresh`
 * looks anew. It never rejects: where nothing is there (not Linux, no addon) nothing is supported.
 */
export function features({ refresh = false }: { refresh?: boolean } = {}): Promise<Features> {
  if (found === undefined || refresh) found = detect();
  return found;
}

async function detect(): Promise<Features> {
  const names = Object.keys(featureTable) as FeatureName[];
  const tracefs = await findTracefs();
  const findings = await Promise.all(names.map((name) => find(name, tracefs)));
  await tracefs.close();
  const entries = names.map((name, index): [FeatureName, Feature] => {
    const finding = findings[index] ?? {};
    return [name, { ...featureTable[name], supported: finding.reason === undefined, ...finding }];
  });
  return {
    ...(Object.fromEntries(entries) as Record<FeatureName, Feature>),
    kernel: release(),
    paranoid: await readNumber("/proc/sys/kernel/perf_event_paranoid"),
    ringLimit: await readNumber("/proc/sys/kernel/perf_event_mlock_kb"),
  };
}

interface FoundTracefs {
  tracefs: Tracefs | undefined;
  reason: string;
  close(): Promise<void>;
}

async function findTracefs(): Promise<FoundTracefs> {
  try {
    const tracefs = await Tracefs.open();
    return { tracefs, reason: "", close: () => tracefs.close() };
  } catch (error) {
    return { tracefs: undefined, reason: (error as Error).message, close: async () => {} };
  }
}

async function find(name: FeatureName, { tracefs, reason }: FoundTracefs): Promise<Finding> {
  const needs: FeatureNeeds = featureTable[name];
  if (needs.attr !== undefined) return tryAttr(needs.attr, 0, -1);
  switch (name) {
    case "perfEvents":
      return tryAttr({}, 0, -1);
    case "systemWide":
      return tryAttr({ flags: {} }, -1, await firstCpu());
    case "tracefs":
      if (tracefs === undefined) return { reason };
      return { detail: tracefs.isPrivate ? "mounted for this process" : `at ${tracefs.directory}` };
    case "privateTracefs":
      return findPrivateTracefs();
    case "kprobes":
    case "uprobes":
      return tracefs === undefined
        ? { reason }
        : findFile(join(tracefs.directory, `${name.slice(0, -1)}_events`), constants.W_OK);
    case "btf":
      return findFile("/sys/kernel/btf/vmlinux", constants.R_OK);
    case "symbols":
      return findSymbols();
    default:
      return findCgroups();
  }
}

/** Opens such an event, of this process alone unless told otherwise, with what anybody may ask for. */
function tryAttr(attr: Partial<EventAttr>, pid: number, cpu: number): Finding {
  const flags = { excludeKernel: true, excludeHypervisor: true, ...attr.flags };
  const dummy = { type: PerfType.SOFTWARE, config: SoftwareEvent.DUMMY, samplePeriod: 1 };
  try {
    const errno = tryEvent({ ...dummy, ...attr, flags: pid === -1 ? {} : flags }, pid, cpu);
    return errno === undefined ? {} : { reason: `perf_event_open: ${errno}` };
  } catch (error) {
    return { reason: error instanceof PerfNativeError ? error.message : String(error) };
  }
}

async function firstCpu(): Promise<number> {
  const text = await readFile("/sys/devices/system/cpu/online", "latin1").catch(() => "0");
  return Number.parseInt(text, 10);
}

async function findPrivateTracefs(): Promise<Finding> {
  try {
    await (await Tracefs.openPrivate()).close();
    return {};
  } catch (error) {
    return { reason: toPerfError(error, "tracefs").message };
  }
}

async function findFile(path: string, mode: number): Promise<Finding> {
  try {
    await access(path, mode);
    return { detail: `at ${path}` };
  } catch (error) {
    return { reason: `${path}: ${(error as NodeJS.ErrnoException).code}` };
  }
}

async function findSymbols(): Promise<Finding> {
  const path = "/proc/kallsyms";
  try {
    await using file = await open(path);
    // The first symbols may be per-CPU ones, whose addresses begin at 0 on x86-64.
    const { bytesRead, buffer } = await file.read(Buffer.alloc(65_536), 0, 65_536);
    const hidden = !/^0*[1-9a-f][0-9a-f]* /m.test(buffer.toString("latin1", 0, bytesRead));
    return hidden ? { reason: `${path}: addresses are hidden (kernel.kptr_restrict)` } : {};
  } catch (error) {
    return { reason: `${path}: ${(error as NodeJS.ErrnoException).code}` };
  }
}

async function findCgroups(): Promise<Finding> {
  const hierarchy = await findPerfHierarchy();
  if (hierarchy === undefined) return { reason: "/proc/cgroups: there is no perf_event controller" };
  const { version, place } = hierarchy;
  if (place === undefined) return { reason: `cgroup v${version} has the perf_event controller, and is not mounted` };
  return { detail: `cgroup v${version} at ${place}` };
}

async function readNumber(path: string): Promise<number | undefined> {
  const number = Number.parseInt(await readFile(path, "latin1").catch(() => ""), 10);
  return Number.isNaN(number) ? undefined : number;
}
