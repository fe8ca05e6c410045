import type { ContainerRuntime } from "../container-state.js";
import type { RuntimePlaces } from "../options.js";
import type { RuntimeContext, RuntimeSource } from "./runtime.js";

/** Opens a source for each place in which a runtime may be. */
export function openSources(
  _places: RuntimePlaces,
  _contextOf: (source: { readonly runtime: ContainerRuntime }) => RuntimeContext,
): RuntimeSource[] {
  return [];
}
