import type { EventKind } from "../event-kinds.js";
import { chargenEvents } from "./chargen.js";
import type { EventFamily } from "./family.js";
import { processEvents } from "./process.js";
import { syscallEvents } from "./syscall.js";
import { tickerEvents } from "./ticker.js";

/** Every family that there is. */
// biome-ignore lint/suspicious/noExplicitAny: each family is handed the filters of its own kinds alone
const eventFamilies: readonly EventFamily<any>[] = [processEvents, syscallEvents, tickerEvents, chargenEvents];

/** The family that serves a kind; `undefined` where none does. */
export function familyOf(kind: EventKind): EventFamily | undefined {
  return eventFamilies.find((family) => family.kinds.includes(kind));
}
