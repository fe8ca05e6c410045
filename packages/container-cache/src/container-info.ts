import type { SampleId } from "@kernscope/perf";
import type { ContainerRuntime, ContainerState } from "./container-state.js";

/** The Kubernetes pod of a container, by the labels and annotations that the kubelet gives. */
export interface ContainerPod {
  /** Empty where not known, as all of these. */
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
  /** The container's name within the pod; empty for the pod's sandbox. */
  readonly containerName: string;
}

/** What can be said of a container. */
export interface ContainerFacts {
  /** As people call it; without Docker's leading `/`. Empty where not known, as all texts here. */
  readonly name: string;
  /** Of the image: `sha256:…` as the runtime has it. */
  readonly imageId: string;
  /** By which the image was asked for, such as `docker.io/library/nginx:1.27`. */
  readonly imageName: string;
  /** Of the image's manifest: `sha256:…`. */
  readonly imageDigest: string;
  /** Of the first process, in the initial pid namespace; 0: there is none. Keeps the last one after the exit. */
  readonly pid: number;
  /** What the first process gave to exit(2), 0 … 255; `undefined`: a signal ended it, it has not ended, or not known. */
  readonly exitStatus: number | undefined;
  /** The signal that ended it; 0: none; `undefined`: as above. */
  readonly exitSignal: number | undefined;
  /** The kernel ended it for want of memory. */
  readonly oomKilled: boolean;
  readonly labels: Readonly<Record<string, string>>;
  /** Unix time in milliseconds, as are all times here; `undefined` where not known. */
  readonly createdTime: number | undefined;
  /** Of the last start. */
  readonly startedTime: number | undefined;
  /** Of the last exit. */
  readonly finishedTime: number | undefined;
  /** How often its restart policy started it again. */
  readonly restartCount: number;
  readonly pod: ContainerPod | undefined;
  /** What the runtime keeps of it, as JSON in the runtime's own form; empty where not known or too large. */
  readonly jsonConfig: string;
  /** The OCI runtime configuration (config.json) as the runtime wrote it; empty where not known or too large. */
  readonly ociConfig: string;
  /** Of its own cgroup, below the hierarchy's mount; empty where not known. */
  readonly cgroupPath: string;
}

export type ContainerField = keyof ContainerFacts | "state" | "runtime" | "settled";

/** What a runtime says; what is left out stays as it is. */
export type ContainerData = { readonly [K in keyof ContainerFacts]?: ContainerFacts[K] | undefined } & {
  readonly state?: ContainerState;
};

/**
 * A container. One object stands for it until it is destroyed, and follows the events that were handed out; what must
 * not change under a reader is to be copied.
 */
export interface ContainerInfo extends ContainerFacts {
  readonly id: string;
  readonly runtime: ContainerRuntime;
  readonly state: ContainerState;
  /** The raw wait status (wait(2)) of the last exit, without the core-dump bit; `undefined` as for `exitStatus`. */
  readonly exitCode: number | undefined;
  /** A runtime said that it is one; else it was only asked for, by `lookupContainer(id, { create: true })`. */
  readonly known: boolean;
  /** The runtime has told its name and image, or will not: nothing more is to be waited for. */
  readonly settled: boolean;
  /** It was destroyed. */
  readonly destroyed: boolean;
  /**
   * Takes in what a runtime says. What is news is told by external events: created, running, exited and updated, in that
   * order and once each. A claim that is older than what is known already is ignored.
   */
  update(runtime: ContainerRuntime, sampleId: SampleId, data: ContainerData): void;
}
