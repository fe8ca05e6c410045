import { ContainerRuntime } from "./container-state.js";

/** Runtimes that run others beneath them know better than those. */
const ranks: Readonly<Record<ContainerRuntime, number>> = {
  [ContainerRuntime.Unknown]: 0,
  [ContainerRuntime.Lxc]: 1,
  [ContainerRuntime.Runc]: 2,
  [ContainerRuntime.Containerd]: 3,
  [ContainerRuntime.CriO]: 4,
  [ContainerRuntime.Podman]: 4,
  [ContainerRuntime.Docker]: 5,
};

/** Of two runtimes that know a container the one with the higher rank knows better. */
export function rankOf(runtime: ContainerRuntime): number {
  return ranks[runtime];
}
