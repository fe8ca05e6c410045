export type { ProcessCacheOptions } from "./cache-parts.js";
export type { CgroupHierarchy } from "./cgroup-hierarchy.js";
export { type Cgroup, CgroupPaths, type CgroupPathsOptions } from "./cgroup-paths.js";
export { CloneFlag, type CloneFlagName, CSIGNAL, cloneFlagNames, hasCloneFlag } from "./clone-flags.js";
export type { Cred } from "./credentials.js";
export { ProcessCacheError, type ProcessCacheErrorCode } from "./errors.js";
export { decodeWaitStatus } from "./exit-status.js";
export type { FieldSource } from "./field-sources.js";
export type { FollowedField, Following, FollowOptions } from "./follower.js";
export { type ProcessCacheStats, ProcessInfoCache } from "./process-cache.js";
export type {
  ExitStatus,
  ProcessExecEvent,
  ProcessExitEvent,
  ProcessForkEvent,
  ProcessUpdateEvent,
} from "./process-events.js";
export type { Origin, OriginSource, Task, TaskContainer, TaskField, TaskFile } from "./task.js";
