import { toJsonString } from "@bufbuild/protobuf";
import { type TelemetryEvent, TelemetryEventSchema } from "@kernscope/telemetry-api";
import { printableJson } from "./printable.js";

/** An event in protobuf's JSON, in one line. */
export function formatJson(event: TelemetryEvent): string {
  return printableJson(toJsonString(TelemetryEventSchema, event));
}
