export { CloneFlag, type CloneFlagName, CSIGNAL, cloneFlagNames, hasCloneFlag } from "./clone-flags.js";
export type { Cred } from "./credentials.js";
export { ProcessCacheError, type ProcessCacheErrorCode } from "./errors.js";
export { decodeWaitStatus } from "./exit-status.js";
export { type ProcessCacheOptions, type ProcessCacheStats, ProcessInfoCache } from "./process-cache.js";
export type {
  ExitStatus,
  ProcessExecEvent,
  ProcessExitEvent,
  ProcessForkEvent,
  ProcessUpdateEvent,
} from "./process-events.js";
export type { Origin, OriginSource, Task, TaskContainer, TaskField } from "./task.js";
