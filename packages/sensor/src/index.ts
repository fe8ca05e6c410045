export { SensorError, type SensorErrorCode } from "./errors.js";
export {
  type EventPayload,
  type LineageEntry,
  type LostPayload,
  LostRecordCause,
  LostRecordType,
  ProcessEventType,
  type ProcessPayload,
  type TelemetryEvent,
} from "./event.js";
export { type EventKind, eventKinds } from "./event-kinds.js";
export { defaultQueueLimits, type Gap, type GapTeller, type QueueLimits } from "./event-queue.js";
export type { MetricsCounters } from "./metrics.js";
export { Sensor, type SensorOptions } from "./sensor.js";
export type { Subscription, SubscriptionCounters } from "./subscription.js";
export type { EventFilter, SubscriptionRequest, SubscriptionStatus } from "./subscription-request.js";
