import type { SampleId } from "@kernscope/perf";
import type { ContainerData, ContainerFacts, ContainerInfo } from "./container-info.js";
import { ContainerRuntime, ContainerState } from "./container-state.js";

/** Takes in what is said of a container, as `ContainerInfo.update`. */
export type Updater = (
  entry: ContainerEntry,
  runtime: ContainerRuntime,
  sampleId: SampleId,
  data: ContainerData,
) => void;

/** What is known of a container, and what of it was told. */
export class ContainerEntry implements ContainerInfo {
  readonly id: string;
  runtime: ContainerRuntime = ContainerRuntime.Unknown;
  state: ContainerState = ContainerState.Unknown;
  known = false;
  settled = false;
  destroyed = false;
  name = "";
  imageId = "";
  imageName = "";
  imageDigest = "";
  pid = 0;
  exitStatus: number | undefined;
  exitSignal: number | undefined;
  oomKilled = false;
  labels: ContainerFacts["labels"] = noLabels;
  createdTime: number | undefined;
  startedTime: number | undefined;
  finishedTime: number | undefined;
  restartCount = 0;
  pod: ContainerFacts["pod"];
  jsonConfig = "";
  ociConfig = "";
  cgroupPath = "";
  /** The event `created` was told, or it was there before anybody listened. */
  announced = false;
  /** Pid of the last run that has ended; a claim that it runs is out of date. */
  endedPid = 0;
  /** Unix milliseconds of the beginning of the current run and of the end of the last one, as the kernel has them where it does. */
  runStart = 0;
  runEnd = 0;
  /** The pid was taken from the first program executed in the cgroup: a runtime knows better. */
  pidGuessed = false;
  /** Pid by which the registry finds it; 0: it does not run. */
  followedPid = 0;
  /** Path by which the tracker finds it. */
  linkedPath = "";
  /** Id of the cgroup in which the current or last run was seen; 0: none. */
  cgroupId = 0;
  /** No runtime has told of it; that it is one is known by the cgroup that an OCI runtime made for it. */
  unclaimed = false;
  /** When it was first heard of: milliseconds of `performance.now()`. */
  readonly born = performance.now();
  readonly #update: Updater;

  constructor(id: string, update: Updater) {
    this.id = id;
    this.#update = update;
  }

  get exitCode(): number | undefined {
    if (this.exitSignal) return this.exitSignal;
    return this.exitStatus === undefined ? undefined : this.exitStatus << 8;
  }

  get isRunning(): boolean {
    return this.state === ContainerState.Running || this.state === ContainerState.Paused;
  }

  update(runtime: ContainerRuntime, sampleId: SampleId, data: ContainerData): void {
    this.#update(this, runtime, sampleId, data);
  }
}

const noLabels: ContainerFacts["labels"] = Object.freeze({});
