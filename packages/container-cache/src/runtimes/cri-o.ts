import { ContainerRuntime } from "../container-state.js";
import { textAt } from "./json.js";
import type { RuntimeContext, RuntimeSource } from "./runtime.js";
import type { StoragePlaces } from "./storage-files.js";
import { StorageSource } from "./storage-source.js";

export const runtime = ContainerRuntime.CriO;

/** CRI-O: by its storage. Each of its containers is in a pod, and says so there. */
export function openSource(context: RuntimeContext, places: StoragePlaces): RuntimeSource {
  const accepts = (metadata: unknown) => textAt(metadata, "pod-id") !== "";
  return new StorageSource(context, { name: "cri-o", runtime, places, sockets: [], accepts, isShared: true });
}
