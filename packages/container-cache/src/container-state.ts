/** What runs a container. */
export const ContainerRuntime = {
  Unknown: 0,
  Docker: 1,
  Containerd: 2,
  CriO: 3,
  Podman: 4,
  /** runc, crun or another OCI runtime that was called directly. */
  Runc: 5,
  /** Containers of LXC are told by their cgroup; nothing more is known of them. */
  Lxc: 6,
} as const;

export type ContainerRuntime = (typeof ContainerRuntime)[keyof typeof ContainerRuntime];

/** Names of {@link ContainerRuntime}, by value. */
export const ContainerRuntimeNames: readonly string[] = [
  "unknown",
  "docker",
  "containerd",
  "cri-o",
  "podman",
  "runc",
  "lxc",
];

/** What a container does. */
export const ContainerState = {
  Unknown: 0,
  /** It is there, and has never run since. */
  Created: 1,
  Paused: 2,
  Running: 3,
  /** Its process has ended and the runtime will start it again. */
  Restarting: 4,
  Exited: 5,
  /** It is about to be destroyed. */
  Removing: 6,
} as const;

export type ContainerState = (typeof ContainerState)[keyof typeof ContainerState];

/** Names of {@link ContainerState}, by value. */
export const ContainerStateNames: readonly string[] = [
  "unknown",
  "created",
  "paused",
  "running",
  "restarting",
  "exited",
  "removing",
];
