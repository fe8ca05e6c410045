import { TelemetryApiError } from "../errors.js";
import type { Init } from "../event-init.js";
import type {
  KernelFunctionCallEvent,
  KernelFunctionCallEvent_FieldValue,
  UserFunctionCallEvent,
  UserFunctionCallEvent_FieldValue,
} from "../gen/capsule8/api/v0/telemetry_event_pb.js";
import type { WireWriter } from "./wire-writer.js";

type FunctionCallEvent = KernelFunctionCallEvent | UserFunctionCallEvent;
type FieldValue = KernelFunctionCallEvent_FieldValue | UserFunctionCallEvent_FieldValue;

/** Writes the fields of a function call; those of kernel and user functions have the same numbers and types. */
export function writeFunctionCallEvent(writer: WireWriter, event: Init<FunctionCallEvent>): void {
  const values = event.arguments;
  if (values === undefined) return;
  for (const name of Object.keys(values)) {
    const entry = writer.begin(1, 1);
    writer.stringAlways(1, name);
    const start = writer.begin(2, 1);
    writeFieldValue(writer, values[name] as Init<FieldValue>);
    writer.end(start, 1);
    writer.end(entry, 1);
  }
}

function writeFieldValue(writer: WireWriter, { fieldType, value }: Init<FieldValue>): void {
  writer.int32(1, fieldType);
  switch (value?.case) {
    case undefined:
      break;
    case "bytesValue":
      writer.blobAlways(2, value.value);
      break;
    case "stringValue":
      writer.stringAlways(3, value.value);
      break;
    case "signedValue":
      writer.sint64Always(4, value.value);
      break;
    case "unsignedValue":
      writer.uint64Always(5, value.value);
      break;
    default:
      throw new TelemetryApiError(
        "invalid_value",
        "encode(arguments)",
        `there is no value ${String((value as { case: unknown } | undefined)?.case)}`,
        "see the oneof `value` of FieldValue",
      );
  }
}
