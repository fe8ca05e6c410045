export { type ProcFile, ProcReader, readFile, readProcessMemory } from "@kernscope/perf-native";
export type { BranchEntry, BranchStack } from "./branch-stack.js";
export { Btf, type BtfField, type BtfFunction } from "./btf.js";
export { fetchMember } from "./btf-fetch.js";
export type { BtfKind, BtfMember, BtfParameter, BtfType, BtfTypeId } from "./btf-types.js";
export { CallchainContext } from "./callchain-context.js";
export { type ClockReader, MonitorClock } from "./clock.js";
export type { Breakpoint, CacheCounter, Counter } from "./counter.js";
export type { CounterGroupOptions, CounterHandler, CounterReading, CounterValues } from "./counter-group.js";
export { type DataSource, decodeDataSource } from "./data-source.js";
export { PerfError, type PerfErrorCode, type PerfErrorDetails } from "./errors.js";
export type { EventGroup } from "./event-group.js";
export { EventMonitor } from "./event-monitor.js";
export type { ExternalSample } from "./external-queue.js";
export { type FeatureName, type FeatureNeeds, featureTable } from "./feature-table.js";
export { type Feature, type Features, features } from "./features.js";
export { decodeObject, decodeRaw, type IntegerArray, type TraceFields, type TraceValue } from "./field-decoder.js";
export { type KernelSymbol, KernelSymbols, type SymbolQuery } from "./kernel-symbols.js";
export type { EventLoss, LossByCpu, LossReport, LossTotal } from "./loss-report.js";
export type { EventMonitorOptions, RegistrationOptions } from "./monitor-options.js";
export type { KprobeOptions, ProbeOptions } from "./probe.js";
export type { ProbeCounts } from "./probe-profile.js";
export { type FetchArgument, kernelPlace, parseFetchArgument, probeLine } from "./probe-text.js";
export type { ReadValues } from "./read-values.js";
export type { EventId, EventRecord, SampleId } from "./record.js";
export { UserRegister } from "./registers.js";
export type { ExternalHandler, SampleHandler } from "./registration.js";
export type { SampleOptions } from "./sample-options.js";
export type { SampleRecord, WeightParts } from "./sample-record.js";
export type {
  CgroupRecord,
  CommRecord,
  MmapRecord,
  NamespacesRecord,
  SideBandData,
  SideBandHandler,
  SideBandKind,
  SideBandOptions,
  SideBandRecords,
  SwitchRecord,
  TaskRecord,
} from "./side-band.js";
export type { TargetOptions } from "./targets.js";
export { type FieldKind, type FormatField, parseTraceFormat, type TraceFormat } from "./trace-format.js";
export { Tracefs } from "./tracefs.js";
export { parseEventName, type TraceEventName, type Tracing } from "./tracing.js";
export type { UprobeTarget } from "./uprobe.js";
