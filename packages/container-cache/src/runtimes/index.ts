import type { ContainerRuntime } from "../container-state.js";
import type { RuntimePlaces } from "../options.js";
import * as containerd from "./containerd.js";
import * as crio from "./cri-o.js";
import * as docker from "./docker.js";
import * as podman from "./podman.js";
import * as runc from "./runc.js";
import type { RuntimeContext, RuntimeSource } from "./runtime.js";

const usualStates = ["/run/containerd", "/run/docker/containerd/daemon"];

/** Opens a source for each runtime that may be on a host. */
export function openSources(
  places: RuntimePlaces,
  contextOf: (source: { readonly runtime: ContainerRuntime }) => RuntimeContext,
): RuntimeSource[] {
  const states = places.containerdStates ?? usualStates;
  const storage = {
    roots: places.storageRoots ?? ["/var/lib/containers/storage"],
    runRoots: places.storageRunRoots ?? ["/run/containers/storage"],
  };
  return [
    docker.openSource(contextOf(docker), {
      sockets: places.dockerSockets ?? ["/run/docker.sock"],
      roots: places.dockerRoots ?? ["/var/lib/docker"],
      states,
    }),
    containerd.openSource(contextOf(containerd), {
      sockets: places.containerdSockets ?? ["/run/containerd/containerd.sock", "/run/k3s/containerd/containerd.sock"],
      states,
    }),
    podman.openSource(contextOf(podman), { ...storage, sockets: places.podmanSockets ?? ["/run/podman/podman.sock"] }),
    crio.openSource(contextOf(crio), storage),
    runc.openSource(contextOf(runc), { roots: places.ociRoots ?? ["/run/runc", "/run/crun"] }),
  ];
}
