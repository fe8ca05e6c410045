import type { Init } from "../event-init.js";
import type {
  ChargenEvent,
  ContainerEvent,
  FileEvent,
  LostRecordEvent,
  PerformanceEvent,
  PerformanceEventValue,
  ProcessEvent,
  SyscallEvent,
  TickerEvent,
} from "../gen/capsule8/api/v0/telemetry_event_pb.js";
import type { WireWriter } from "./wire-writer.js";

// Each function writes the fields of its message in the order of their numbers.

export function writeSyscallEvent(writer: WireWriter, event: Init<SyscallEvent>): void {
  writer.int32(1, event.type);
  writer.int64(2, event.id);
  writer.uint64(10, event.arg0);
  writer.uint64(11, event.arg1);
  writer.uint64(12, event.arg2);
  writer.uint64(13, event.arg3);
  writer.uint64(14, event.arg4);
  writer.uint64(15, event.arg5);
  writer.int64(20, event.ret);
  writer.string(1000, event.name);
  writer.bool(1001, event.compat);
}

export function writeProcessEvent(writer: WireWriter, event: Init<ProcessEvent>): void {
  writer.int32(1, event.type);
  writer.sint32(10, event.forkChildPid);
  writer.string(11, event.forkChildId);
  writer.uint64(12, event.forkCloneFlags);
  writer.uint64(13, event.forkStackStart);
  writer.string(20, event.execFilename);
  writer.strings(21, event.execCommandLine);
  writer.sint32(30, event.exitCode);
  writer.uint32(31, event.exitStatus);
  writer.uint32(32, event.exitSignal);
  writer.bool(33, event.exitCoreDumped);
  writer.string(40, event.updateCwd);
  writer.bool(1000, event.execCommandLineTruncated);
  writer.bool(1001, event.exitStatusUnknown);
  writer.bool(1002, event.exitCoreDumpedUnknown);
  writer.bool(1003, event.execCommandLineFromMemory);
}

export function writeFileEvent(writer: WireWriter, event: Init<FileEvent>): void {
  writer.int32(1, event.type);
  writer.string(10, event.filename);
  writer.sint32(11, event.openFlags);
  writer.sint32(12, event.openMode);
  writer.string(13, event.sourceFile);
  writer.string(14, event.targetFile);
  writer.bool(15, event.symlink);
  writer.string(16, event.oldname);
  writer.string(17, event.newname);
  writer.bool(1000, event.resolved);
  writer.int32(1001, event.nameSource);
}

export function writePerformanceEvent(writer: WireWriter, event: Init<PerformanceEvent>): void {
  writer.uint64(1, event.totalTimeEnabled);
  writer.uint64(2, event.totalTimeRunning);
  for (const value of event.values ?? []) writePerformanceEventValue(writer, value);
}

function writePerformanceEventValue(writer: WireWriter, value: Init<PerformanceEventValue>): void {
  const start = writer.begin(3, 1);
  writer.int32(1, value.type);
  writer.uint64(2, value.config);
  writer.uint64(3, value.value);
  writer.end(start, 1);
}

export function writeContainerEvent(writer: WireWriter, event: Init<ContainerEvent>): void {
  writer.int32(1, event.type);
  writer.string(2, event.name);
  writer.string(10, event.imageId);
  writer.string(11, event.imageName);
  writer.sint32(20, event.hostPid);
  writer.sint32(30, event.exitCode);
  writer.uint32(31, event.exitStatus);
  writer.uint32(32, event.exitSignal);
  writer.bool(33, event.exitCoreDumped);
  writer.string(100, event.dockerConfigJson);
  writer.string(101, event.ociConfigJson);
}

export function writeChargenEvent(writer: WireWriter, event: Init<ChargenEvent>): void {
  writer.uint64(1, event.index);
  writer.string(2, event.characters);
}

export function writeTickerEvent(writer: WireWriter, event: Init<TickerEvent>): void {
  writer.int64(1, event.seconds);
  writer.int64(2, event.nanoseconds);
}

export function writeLostRecordEvent(writer: WireWriter, event: Init<LostRecordEvent>): void {
  writer.uint64(1, event.lost);
  writer.int32(2, event.type);
  writer.int32(1000, event.cause);
  writer.uint64(1001, event.firstSequenceNumber);
  writer.uint64(1002, event.lastSequenceNumber);
  writer.int64(1003, event.firstMonotimeNanos);
  writer.int64(1004, event.lastMonotimeNanos);
}
