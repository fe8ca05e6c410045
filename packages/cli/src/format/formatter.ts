import type { TelemetryEvent } from "@kernscope/telemetry-api";

/** Writes an event as one line, without its end. */
export type Formatter = (event: TelemetryEvent) => string;
