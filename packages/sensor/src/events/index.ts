import type { EventKind } from "../event-kinds.js";
import type { EventFamily } from "./family.js";
import { processEvents } from "./process.js";

/** Every family that there is. */
export const eventFamilies: readonly EventFamily[] = [processEvents];

/** The family that serves a kind; `undefined` where none does. */
export function familyOf(kind: EventKind): EventFamily | undefined {
  return eventFamilies.find((family) => family.kinds.includes(kind));
}
