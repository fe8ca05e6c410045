export type { Expression } from "@kernscope/expression";
export {
  type Capabilities,
  type ConditionPart,
  capabilities,
  explainFilter,
  type FilterExplanation,
  fieldTypesOf,
  type KindCapability,
} from "./capabilities.js";
export { SensorError, type SensorErrorCode } from "./errors.js";
export type { EventFields, LineageEntry, PodEntry, TelemetryEvent } from "./event.js";
export type { EventContext, EventOrigin } from "./event-context.js";
export { type EventKind, eventKinds } from "./event-kinds.js";
export { defaultQueueLimits, type Gap, type GapTeller, type QueueLimits } from "./event-queue.js";
export type { KernelPart, Service } from "./events/family.js";
export { type HostReport, hostReport, type Privilege } from "./host-report.js";
export type { MetricsCounters } from "./metrics.js";
export * from "./payload.js";
export { Sensor, type SensorOptions } from "./sensor.js";
export type { Subscription, SubscriptionCounters } from "./subscription.js";
export type {
  ChargenFilter,
  ContainerEventFilter,
  ContainerFilter,
  EventFilter,
  KernelCallFilter,
  PerformanceCounter,
  PerformanceFilter,
  PlainFilter,
  PlainKind,
  SubscriptionRequest,
  SubscriptionStatus,
  TickerFilter,
  UserCallFilter,
} from "./subscription-request.js";
export { compatArchitecture, type SyscallArchitecture, syscallName, syscallNumber } from "./syscall-numbers.js";
