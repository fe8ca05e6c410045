import type { SampleRecord, TraceFields } from "@kernscope/perf";
import { CallsUnderWay } from "../calls-under-way.js";
import type { EventKind } from "../event-kinds.js";
import type { KernelSupport } from "../kernel-support.js";
import { followMounts } from "../mount-changes.js";
import type { FilePayload } from "../payload.js";
import { Registrations } from "../registrations.js";
import { WorkingDirectories } from "../working-directories.js";
import type { CloseEvents, EventSink, FamilyContext } from "./family.js";
import { type Places, readFilePayload } from "./file-payload.js";
import type { FileProbe } from "./file-probes.js";

/** Opens the probes of a kind, and what names are put together by. */
export async function openFileEvents(
  kind: EventKind,
  probes: readonly FileProbe[],
  kernel: KernelSupport,
  context: FamilyContext,
  sink: EventSink,
): Promise<CloseEvents> {
  const { mounts, release } = await followMounts(context, kernel);
  const directories = new WorkingDirectories(context.processCache, mounts);
  const calls = new CallsUnderWay<FilePayload>();
  let unfollow = () => {};
  const register = async (registrations: Registrations) => {
    const types = kind === "file.open" ? await kernel.types() : undefined;
    if (types !== undefined) unfollow = await directories.follow(context, registrations, types);
    for (const probe of probes) {
      if (probe.atReturn) await registerReturn(probe, calls, context, registrations, sink);
      await registerCall(kind, probe, { mounts, directories }, calls, context, registrations, sink);
    }
  };
  try {
    const close = await Registrations.open(context.monitor, (id, type) => sink.owns(id, type), register);
    return async () => {
      unfollow();
      await Promise.all([close(), release()]);
    };
  } catch (error) {
    unfollow();
    await release();
    throw error;
  }
}

/** The kernel event of a probe. */
export function eventOf({ function: name, atReturn }: FileProbe): string {
  return `${atReturn ? "kretprobe" : "kprobe"}:${name}`;
}

function registerCall(
  kind: EventKind,
  { action, function: name, args, filter, atReturn, lossType }: FileProbe,
  places: Places,
  calls: CallsUnderWay<FilePayload>,
  { processCache }: FamilyContext,
  registrations: Registrations,
  sink: EventSink,
): Promise<void> {
  return registrations.kprobe<TraceFields>(
    name,
    (record: SampleRecord, data) => {
      if (record.pid === process.pid || !sink.wants(record.cgroup)) return;
      const task = processCache.lookupTask(record.tid);
      const value = readFilePayload(kind, action, data, task, record.elapsed, places);
      if (!atReturn) sink.emit(record, task, { case: "file", value });
      else calls.enter(record.tid, name, value, data.sp as number | bigint | undefined);
    },
    { args, filter, sample: { cgroup: true } },
    lossType,
  );
}

/** What has happened when a function returns is told then, unless it failed. */
function registerReturn(
  { function: name, lossType }: FileProbe,
  calls: CallsUnderWay<FilePayload>,
  { processCache }: FamilyContext,
  registrations: Registrations,
  sink: EventSink,
): Promise<void> {
  return registrations.kprobe<TraceFields>(
    name,
    (record, data) => {
      const value = calls.return(record.tid, name);
      const result = data.result as number;
      if (value === undefined || (result < 0 && result >= -4095)) return;
      sink.emit(record, processCache.lookupTask(record.tid), { case: "file", value });
    },
    { onReturn: true, maxActive: 256, args: { result: "$retval:s32" }, sample: { cgroup: true } },
    lossType,
  );
}
