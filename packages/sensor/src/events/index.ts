import type { EventKind } from "../event-kinds.js";
import { chargenEvents } from "./chargen.js";
import { containerEvents } from "./container.js";
import type { EventFamily } from "./family.js";
import { fileEvents } from "./file.js";
import { kernelCallEvents } from "./kernel-call.js";
import { networkEvents } from "./network.js";
import { performanceEvents } from "./performance.js";
import { processEvents } from "./process.js";
import { syscallEvents } from "./syscall.js";
import { tickerEvents } from "./ticker.js";
import { userCallEvents } from "./user-call.js";

/** Every family that there is. */
// biome-ignore lint/suspicious/noExplicitAny: each family is handed the filters of its own kinds alone
const eventFamilies: readonly EventFamily<any>[] = [
  processEvents,
  syscallEvents,
  fileEvents,
  networkEvents,
  kernelCallEvents,
  userCallEvents,
  performanceEvents,
  containerEvents,
  tickerEvents,
  chargenEvents,
];

/** The family that serves a kind; `undefined` where none does. */
export function familyOf(kind: EventKind): EventFamily | undefined {
  return eventFamilies.find((family) => family.kinds.includes(kind));
}
