export { ATTR_SIZE, type AttrFlag, type EventAttr, packAttr } from "./attr.js";
export {
  BreakpointType,
  Clock,
  HardwareEvent,
  OpenFlag,
  PerfType,
  ReadFormat,
  RecordType,
  SampleFormat,
  SoftwareEvent,
} from "./constants.js";
export { PerfNativeError, type PerfNativeErrorCode, type PerfNativeErrorDetails } from "./errors.js";
export { type ProcFile, ProcReader, readFile } from "./proc-reader.js";
export { openReader, type ReaderOptions } from "./reader.js";
export { NO_EVENT, RECORD_HEADER_SIZE, RecordFlag, RecordOffset } from "./record-layout.js";
export type { EventCount, EventTarget, OpenedEvent, OpenRequest, RecordSource, SourceStats } from "./record-source.js";
export { clockNanos, closeDescriptor, mountDetached, readProcessMemory, tryEvent } from "./system.js";
