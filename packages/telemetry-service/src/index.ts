export { TelemetryServiceError, type TelemetryServiceErrorCode } from "./errors.js";
export type { EventProvider, EventSubscription } from "./event-provider.js";
export { defaultLimits, type ServiceLimits } from "./limits.js";
export { TelemetryService, type TelemetryServiceOptions } from "./service.js";
