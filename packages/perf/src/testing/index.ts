export { type EmitOptions, FakeKernel, type FakeKernelOptions } from "./fake-kernel.js";
export { type FakeProbe, FakeProbes } from "./fake-probes.js";
export { type FakeEvent, FakeSource, type FakeSourceOptions } from "./fake-source.js";
export { FakeTracing } from "./fake-tracing.js";
export { format, traceFormats } from "./formats.js";
export { encodeRaw, type FieldValues } from "./raw-encoder.js";
export { RecordBuilder, type RecordHeader, type SampleFields } from "./record-builder.js";
export { type ReplayedRecord, ReplaySource } from "./replay-source.js";
export { VirtualClock } from "./virtual-clock.js";
