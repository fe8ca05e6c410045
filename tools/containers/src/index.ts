export { ContainerdBed, IMAGE } from "./containerd-bed.js";
export { CriClient, type CriPod } from "./cri-client.js";
export { DockerBed } from "./docker-bed.js";
export { type ProgramName, programs, provide } from "./install.js";
export { PodmanBed } from "./podman-bed.js";
export { kill, type Ran, run, succeed } from "./program.js";
export { RuncBed, type RuncContainer } from "./runc-bed.js";
