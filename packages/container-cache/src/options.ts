import type { EventId } from "@kernscope/perf";

/** Where a runtime keeps its socket and files; a list replaces the usual places, an empty one leaves the runtime out. */
export interface RuntimePlaces {
  /** Sockets of dockerd. Default `/run/docker.sock`. */
  dockerSockets?: readonly string[];
  /** Data folders of dockerd (`--data-root`). Default `/var/lib/docker`. */
  dockerRoots?: readonly string[];
  /** Sockets of containerd. Default `/run/containerd/containerd.sock` and that of k3s. */
  containerdSockets?: readonly string[];
  /** State folders of containerd (`state` in its configuration), where the bundles lie. Default `/run/containerd` and Docker's own. */
  containerdStates?: readonly string[];
  /** Sockets of `podman system service`. Default `/run/podman/podman.sock`. */
  podmanSockets?: readonly string[];
  /** Storage folders of podman and CRI-O (`graphroot`). Default `/var/lib/containers/storage`. */
  storageRoots?: readonly string[];
  /** Run folders of the same storage (`runroot`). Default `/run/containers/storage`. */
  storageRunRoots?: readonly string[];
  /** Folders of OCI runtimes (`runc --root`). Default `/run/runc` and `/run/crun`. */
  ociRoots?: readonly string[];
}

/**
 * Who tells of processes in the cache's place, such as a `ProcessInfoCache` of @kernscope/process-cache: external events of
 * the same monitor, under the samples of the kernel's own records, with their cgroups.
 */
export interface ProcessTeller {
  /** A process executes a file; data: {@link ToldExec}. */
  readonly execEventId: EventId;
  /** A process ended; data: {@link ToldExit}. */
  readonly exitEventId: EventId;
}

export interface ToldExec {
  /** The path as it was given to execve(2). */
  readonly filename: string;
}

export interface ToldExit {
  /** What the process gave to exit(2); `undefined` where a signal ended it. */
  readonly code: number | undefined;
  /** The signal that ended it; 0: none; `undefined`: not known. */
  readonly signal: number | undefined;
}

export interface ContainerCacheOptions {
  /** Tells of processes, so that the kernel need not be asked twice. Default: the cache registers what it needs. */
  processes?: ProcessTeller;
  runtimes?: RuntimePlaces;
  /** Where /proc is mounted. Default `/proc`. */
  procRoot?: string;
  /** Milliseconds between two looks for runtimes that were not there. Default 2,000. */
  lookInterval?: number;
  /** Milliseconds that a runtime's answer is awaited. Default 2,000. */
  requestTimeout?: number;
  /** Bytes of a container's configuration at most; a larger one is left out and counted. Default 1 MiB. */
  maxConfig?: number;
  /** Containers that are known at most; more are counted and not taken in. Default 16,384. */
  maxContainers?: number;
  /** Milliseconds for which a removed cgroup is still found by late records. Default 5,000. */
  grace?: number;
}

export interface ContainerCacheStats {
  /** Containers that are known, and those of them that run. */
  containers: number;
  running: number;
  /** Cgroups of the hierarchy that perf events know. */
  cgroups: number;
  /** Paths that look like a container's and which no runtime knows. */
  unknownCgroups: number;
  /** Containers that were not taken in, for `maxContainers`, and configurations that were left out, for `maxConfig`. */
  refused: number;
  oversized: number;
  /** Claims of runtimes that were out of date, and ignored. */
  stale: number;
  /** Requests that failed, and answers that made no sense. */
  failedRequests: number;
}
