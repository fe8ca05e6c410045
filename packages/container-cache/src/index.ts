export { type CgroupContainer, parseCgroupPath } from "./cgroup-path.js";
export { ContainerCache } from "./container-cache.js";
export type {
  ContainerCreatedEvent,
  ContainerDestroyedEvent,
  ContainerExitedEvent,
  ContainerRunningEvent,
  ContainerUpdatedEvent,
} from "./container-events.js";
export type { ContainerData, ContainerFacts, ContainerField, ContainerInfo, ContainerPod } from "./container-info.js";
export { ContainerRuntime, ContainerRuntimeNames, ContainerState, ContainerStateNames } from "./container-state.js";
export { ContainerCacheError, type ContainerCacheErrorCode } from "./errors.js";
export type {
  ContainerCacheOptions,
  ContainerCacheStats,
  ProcessTeller,
  RuntimePlaces,
  ToldExec,
  ToldExit,
} from "./options.js";
export type { RuntimeCondition, RuntimeStatus } from "./runtimes/runtime.js";
