import { SensorError } from "../errors.js";
import type { TickerFilter } from "../subscription-request.js";
import { startTimer } from "../timer-event.js";
import type { EventFamily } from "./family.js";

/** Nanoseconds: timers are as exact as this. */
const SHORTEST = 1_000_000;
const SECOND = 1_000_000_000n;

/** Ticks of a timer. */
export const tickerEvents: EventFamily<TickerFilter> = {
  kinds: ["ticker"],
  fields({ interval }) {
    if (Number.isSafeInteger(interval) && interval >= SHORTEST) return {};
    throw new SensorError(
      "invalid",
      `newSubscription(ticker): interval is ${interval} – give nanoseconds, ${SHORTEST} or more`,
    );
  },
  service: () => ({ sources: ["timer"], lacks: [], remedies: [] }),
  plan: ({ interval }) => ({
    key: `ticker ${interval}`,
    kernel: [],
    rest: undefined,
    open: ({ monitor }, sink) =>
      startTimer(monitor, "sensor/ticker", interval, (elapsed) => {
        const now = monitor.clock.toUnixNanos(elapsed);
        const value = { seconds: Number(now / SECOND), nanoseconds: Number(now % SECOND) };
        sink.emitBare(elapsed, { case: "ticker", value });
      }),
  }),
};
