import { TelemetryApiError } from "../errors.js";
import type { EventInit, Init, ReceivedEventInit } from "../event-init.js";
import type { Process } from "../gen/capsule8/api/v0/telemetry_event_pb.js";
import type { ContextBytes, ContextBytesCache } from "./context-bytes.js";
import type { WireWriter } from "./wire-writer.js";
import { writeFunctionCallEvent } from "./write-function-call.js";
import {
  writeChargenEvent,
  writeContainerEvent,
  writeFileEvent,
  writeLostRecordEvent,
  writePerformanceEvent,
  writeProcessEvent,
  writeSyscallEvent,
  writeTickerEvent,
} from "./write-kinds.js";
import { writeNetworkEvent } from "./write-network.js";
import { writeCredentials, writePod, writeProcess } from "./write-process.js";

type Kind = NonNullable<EventInit["event"]>;

// Fields are written in the order of their numbers, as protobuf-es does, so that the bytes of both are the same.

/** Writes a `ReceivedTelemetryEvent` as an item of `GetEventsResponse.events`. */
export function writeReceivedEvent(
  writer: WireWriter,
  contexts: ContextBytesCache,
  publishTimeMicros: ReceivedEventInit["publishTimeMicros"],
  event: ReceivedEventInit["event"],
  ack?: Uint8Array,
): void {
  const item = writer.begin(1, 2);
  writer.int64(1, publishTimeMicros);
  if (event !== undefined) {
    const start = writer.begin(2, 2);
    writeEvent(writer, contexts, event);
    writer.end(start, 2);
  }
  writer.blob(3, ack);
  writer.end(item, 2);
}

/** Writes the fields of a `TelemetryEvent`. */
export function writeEvent(writer: WireWriter, contexts: ContextBytesCache, event: EventInit): void {
  if (event.context === undefined) writeWholeEvent(writer, event);
  else writeInContext(writer, contexts.of(event.context), event);
}

function writeInContext(writer: WireWriter, context: ContextBytes, event: EventInit): void {
  const sequenceNumber = event.sensorSequenceNumber ?? 0;
  const monotimeNanos = event.sensorMonotimeNanos ?? 0;
  writer.numberedString(1, context.idPrefix, sequenceNumber);
  writer.raw(context.process);
  writer.uint64(6, sequenceNumber);
  writer.int64(7, monotimeNanos);
  writer.raw(context.lineage);
  const kind = event.event;
  const number = kind === undefined ? 0 : numberOf(kind);
  if (kind !== undefined && number > 0 && number < 30) writeKind(writer, number, kind);
  writer.raw(context.container);
  if (kind !== undefined && number > 32) writeKind(writer, number, kind);
  writer.int32(201, event.cpu);
  writer.raw(context.credentials);
  context.writeUnixTime(writer, monotimeNanos);
  writer.raw(context.program);
}

function writeWholeEvent(writer: WireWriter, event: EventInit): void {
  writer.string(1, event.id);
  writer.string(2, event.processId);
  writer.int32(3, event.processPid);
  writer.string(4, event.containerId);
  writer.string(5, event.sensorId);
  writer.uint64(6, event.sensorSequenceNumber);
  writer.int64(7, event.sensorMonotimeNanos);
  for (const process of event.processLineage ?? []) writeProcess(writer, process as Init<Process>);
  // The numbers of the kinds lie on both sides of those of the container's name and image.
  const kind = event.event;
  const number = kind === undefined ? 0 : numberOf(kind);
  if (kind !== undefined && number > 0 && number < 30) writeKind(writer, number, kind);
  writer.string(30, event.containerName);
  writer.string(31, event.imageId);
  writer.string(32, event.imageName);
  if (kind !== undefined && number > 32) writeKind(writer, number, kind);
  writer.int32(201, event.cpu);
  if (event.credentials !== undefined) writeCredentials(writer, event.credentials);
  writer.int32(203, event.processTgid);
  writer.int64(1000, event.unixTimeNanos);
  writer.strings(1001, event.commandLine);
  writer.bool(1002, event.commandLineTruncated);
  writer.string(1003, event.cgroupPath);
  if (event.pod !== undefined) writePod(writer, event.pod);
}

/** Field number of what happened; 0 where that is not set. */
function numberOf(kind: Kind): number {
  switch (kind.case) {
    case undefined:
      return 0;
    case "syscall":
      return 10;
    case "process":
      return 11;
    case "file":
      return 12;
    case "kernelCall":
      return 13;
    case "network":
      return 14;
    case "performance":
      return 15;
    case "userCall":
      return 16;
    case "container":
      return 20;
    case "chargen":
      return 100;
    case "ticker":
      return 101;
    case "lost":
      return 102;
    default:
      throw new TelemetryApiError(
        "invalid_value",
        "encode(event)",
        `there is no event ${String((kind as { case: unknown }).case)}`,
        "see the oneof `event` of TelemetryEvent",
      );
  }
}

function writeKind(writer: WireWriter, number: number, kind: Kind): void {
  const start = writer.begin(number, 1);
  switch (kind.case) {
    case "syscall":
      writeSyscallEvent(writer, kind.value);
      break;
    case "process":
      writeProcessEvent(writer, kind.value);
      break;
    case "file":
      writeFileEvent(writer, kind.value);
      break;
    case "kernelCall":
      writeFunctionCallEvent(writer, kind.value);
      break;
    case "network":
      writeNetworkEvent(writer, kind.value);
      break;
    case "performance":
      writePerformanceEvent(writer, kind.value);
      break;
    case "userCall":
      writeFunctionCallEvent(writer, kind.value);
      break;
    case "container":
      writeContainerEvent(writer, kind.value);
      break;
    case "chargen":
      writeChargenEvent(writer, kind.value);
      break;
    case "ticker":
      writeTickerEvent(writer, kind.value);
      break;
    case "lost":
      writeLostRecordEvent(writer, kind.value);
      break;
  }
  writer.end(start, 1);
}
