export { TelemetryServiceError, type TelemetryServiceErrorCode } from "./errors.js";
export type { EventCounters, EventProvider, EventSubscription } from "./event-provider.js";
export { defaultLimits, type ServiceLimits } from "./limits.js";
export { TelemetryService, type TelemetryServiceOptions } from "./service.js";
export type { SocketFileOptions } from "./socket-file.js";
export type { TlsFiles } from "./tls-files.js";
