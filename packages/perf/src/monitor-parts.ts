import type { RecordSource } from "@kernscope/perf-native";
import { MonitorClock } from "./clock.js";
import { CpuFollower } from "./cpu-follower.js";
import { Dispatcher } from "./dispatcher.js";
import { toPerfError } from "./errno.js";
import { EventTable } from "./event-table.js";
import { ExternalQueue } from "./external-queue.js";
import { FieldDecoder } from "./field-decoder.js";
import { KernelEvents } from "./kernel-events.js";
import { LossAccount } from "./loss.js";
import type { EventMonitorOptions } from "./monitor-options.js";
import { MonitorRun } from "./monitor-run.js";
import { ProbeRegistry } from "./probe-registry.js";
import { sweepProbes } from "./probe-sweep.js";
import { RawMemory } from "./raw-memory.js";
import { Registrar } from "./registrar.js";
import { SampleRecord } from "./sample-record.js";
import type { Targets } from "./targets.js";
import { TraceEvents } from "./trace-events.js";
import { Tracefs } from "./tracefs.js";

/** What a monitor is made of. */
export interface MonitorParts {
  source: RecordSource;
  targets: Targets;
  clock: MonitorClock;
  table: EventTable;
  traceEvents: TraceEvents;
  probes: ProbeRegistry;
  externals: ExternalQueue;
  dispatcher: Dispatcher;
  kernel: KernelEvents;
  registrar: Registrar;
  loss: LossAccount;
  cpuFollower: CpuFollower;
  run: MonitorRun;
}

/** Puts a monitor together; nothing of it runs yet but the look-out for CPUs. */
export function assembleMonitor(source: RecordSource, targets: Targets, options: EventMonitorOptions): MonitorParts {
  const { tracing, tracingDirectory, onHandlerError } = options;
  const traceEvents = new TraceEvents(async () => {
    const opened = tracing ?? (await Tracefs.open(tracingDirectory));
    await sweepProbes(opened);
    return opened;
  });
  const probes = new ProbeRegistry(() => traceEvents.tracing());
  const clock = new MonitorClock(source.clockId, options.readClock);
  const memory = new RawMemory(source.memory);
  const table = new EventTable();
  const registrations = table.entries;
  const record = new SampleRecord(memory, clock.origin, (index) => registrations[index]);
  const externals = new ExternalQueue(options.externalLimit);
  const dispatcher: Dispatcher = new Dispatcher({
    source,
    memory,
    clock,
    record,
    externals,
    registrations,
    onHandlerError,
    onBatchEnd: () => run.batchEnded(),
    onHorizon: () => run.horizonMoved(),
    onFailure: (error) => run.end(error),
  });
  const cpuFollower = new CpuFollower({
    source,
    interval: targets.boundToCpus ? (options.hotplugInterval ?? 1000) : 0,
    onError: (error) => run.end(toPerfError(error, "followCpus")),
  });
  const loss: LossAccount = new LossAccount({
    source,
    table,
    probes,
    shortRecords: () => dispatcher.short,
    unknownRecords: () => dispatcher.unknown,
    cpusCame: () => cpuFollower.came,
    interval: options.lossInterval ?? 1000,
    onError: (error) => run.end(toPerfError(error, "loss")),
  });
  const kernel = new KernelEvents({ source, clock, table, targets, decoder: new FieldDecoder(memory), loss, probes });
  const run: MonitorRun = new MonitorRun({ source, clock, dispatcher, kernel, loss });
  const registrar = new Registrar({
    kernel,
    traceEvents,
    probes,
    record,
    assertOpen: (subject) => run.assertOpen("register", subject),
  });
  return {
    source,
    targets,
    clock,
    table,
    traceEvents,
    probes,
    externals,
    dispatcher,
    kernel,
    registrar,
    loss,
    cpuFollower,
    run,
  };
}
