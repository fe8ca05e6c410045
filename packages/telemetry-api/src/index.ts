export { TelemetryApiError, type TelemetryApiErrorCode } from "./errors.js";

// For those who serve.
export { EventEncoder, joinEvents } from "./event-encoder.js";
export type { EventInit, Init, ReceivedEventInit } from "./event-init.js";

// The API itself: service, messages and enums, each with its schema.
export * from "./messages.js";
