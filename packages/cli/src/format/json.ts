import { toJsonString } from "@bufbuild/protobuf";
import { TelemetryEventSchema } from "@kernscope/telemetry-api";
import type { Formatter } from "./formatter.js";

/** The event in protobuf's JSON: the API's field names in camelCase, 64-bit integers as strings, defaults left out. */
export const formatJson: Formatter = (event) => toJsonString(TelemetryEventSchema, event);
