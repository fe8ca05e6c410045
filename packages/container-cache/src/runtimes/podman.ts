import { ContainerRuntime } from "../container-state.js";
import { textAt } from "./json.js";
import type { RuntimeContext, RuntimeSource } from "./runtime.js";
import type { StoragePlaces } from "./storage-files.js";
import { StorageSource } from "./storage-source.js";

export interface PodmanPlaces extends StoragePlaces {
  readonly sockets: readonly string[];
}

export const runtime = ContainerRuntime.Podman;

/** podman: by the socket of its service, which speaks Docker's API, else by its storage. */
export function openSource(context: RuntimeContext, { sockets, ...places }: PodmanPlaces): RuntimeSource {
  const accepts = (metadata: unknown) => textAt(metadata, "pod-id") === "";
  return new StorageSource(context, { name: "podman", runtime, places, sockets, accepts });
}
