import { SensorError } from "../errors.js";
import type { ChargenFilter } from "../subscription-request.js";
import { startTimer } from "../timer-event.js";
import type { EventFamily } from "./family.js";

/** Nanoseconds between two events. */
const INTERVAL = 100_000_000;
const LONGEST = 65_536;
/** Characters of a line of the pattern, without CR and LF (RFC 864). */
const LINE = 72;
/** Printable characters of ASCII, from the space. */
const PRINTABLE = 95;

/** Characters in the pattern of RFC 864, to test clients with. */
export const chargenEvents: EventFamily<ChargenFilter> = {
  kinds: ["chargen"],
  fields({ length }) {
    if (Number.isInteger(length) && length >= 1 && length <= LONGEST) return {};
    throw new SensorError("invalid", `newSubscription(chargen): length is ${length} – give 1 to ${LONGEST}`);
  },
  service: () => ({ sources: ["timer"], lacks: [], remedies: [] }),
  plan: ({ length }) => ({
    key: `chargen ${length}`,
    kernel: [],
    rest: undefined,
    open({ monitor }, sink) {
      let index = 0;
      return startTimer(monitor, "sensor/chargen", INTERVAL, (elapsed) => {
        sink.emitBare(elapsed, { case: "chargen", value: { index, characters: chargen(index, length) } });
        index += length;
      });
    },
  }),
};

/** The pattern from its place `index` on: lines of 72 characters, each beginning one character later than that before. */
export function chargen(index: number, length: number): string {
  const codes = Array.from({ length }, (_, at) => {
    const place = index + at;
    const column = place % (LINE + 2);
    if (column === LINE) return 13;
    if (column > LINE) return 10;
    return 32 + ((Math.floor(place / (LINE + 2)) + column) % PRINTABLE);
  });
  return String.fromCharCode(...codes);
}
