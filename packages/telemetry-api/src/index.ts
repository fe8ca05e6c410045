// For those who subscribe.
export { defaultAddress, formatAddress, parseAddress, type ServiceAddress } from "./address.js";
export { TelemetryApiError, type TelemetryApiErrorCode } from "./errors.js";
// For those who serve.
export { EventEncoder, joinEvents } from "./event-encoder.js";
export type { EventContextInit, EventInit, Init, ReceivedEventInit } from "./event-init.js";
export { type EventKind, type EventKindEntry, eventKind, eventKinds } from "./event-kinds.js";
export { type EventFieldType, fieldTypes } from "./field-types.js";
// The API itself: service, messages and enums, each with its schema.
export * from "./messages.js";
export { ENVELOPE_SIZE, ResponseEncoder } from "./response-encoder.js";
export {
  type EventSelector,
  type FilterFields,
  type SubscriptionOptions,
  subscriptionFor,
} from "./subscription-builder.js";
