import { requires } from "@kernscope/test-support";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { defaultLimits } from "../limits.js";
import { times } from "../testing/full-counts.js";
import { type PlainResponse, subscribeByGrpcJs } from "../testing/grpc-js-client.js";
import { figureOf } from "../testing/http-client.js";
import { until } from "../testing/index.js";
import { withSensor } from "../testing/sensor-program.js";
import { floodFilter, startFlood } from "../testing/syscall-flood.js";

const RATE = 20_000;
const SECONDS = times(3, 30);
const MIB = 1024 * 1024;
/** What an event without texts counts for in the sensor's queue. */
const EVENT_SIZE = 512;
/** What may be in hand beside: a batch that is being written, and what is under way to the client. */
const IN_HAND = 8192;

requires({ root: true, perf: true })(
  "one slow client harms others: one whose subscription is for it alone holds 8 MiB, too, and they get all",
  withSensor(
    async (path) => {
      const flood = startFlood(RATE, SECONDS);
      const healthy = follow(path, flood.pid, {});
      // Who has a limit shares with nobody.
      const stalled = follow(path, flood.pid, { modifier: { limit: { limit: 1e9 } } });
      await until(() => healthy.subscribed && stalled.subscribed, "both have subscribed").catch((error) => {
        flood.kill();
        throw error;
      });
      stalled.stream.pause();
      const before = await figureOf(path, "queued_bytes");
      assert.ok(before < MIB, `${before} bytes are said to wait`);
      const made = await flood.run();
      await until(() => healthy.received + healthy.lost >= made, "the healthy one has all");
      const queued = await figureOf(path, "queued_bytes");
      assert.ok(queued > 4 * MIB && queued < defaultLimits.queueBytes + 2 * MIB, `${queued} bytes are said to wait`);
      const events = await figureOf(path, "queued_events");
      assert.ok(events > 4096, `${events} events are said to wait`);

      stalled.stream.resume();
      await until(() => stalled.received + stalled.lost >= made, "it has caught up");
      assert.ok(stalled.lost > 0, "there was more than a queue holds");
      const most = defaultLimits.queueBytes / EVENT_SIZE + IN_HAND;
      assert.ok(stalled.received <= most, `${stalled.received} events were kept for it`);
      for (const { stream } of [healthy, stalled]) stream.cancel();
    },
    // Where the machine is slow it is stalled for longer than by default.
    ["--limit", "progressTime=300000"],
  ),
);

/** Subscribes to the flood, and counts. */
function follow(path: string, pid: number, more: object) {
  const stream = subscribeByGrpcJs(path, { event_filter: floodFilter, ...more });
  const counts = { stream, subscribed: false, received: 0, lost: 0 };
  stream.on("error", () => {});
  stream.on("data", ({ events }: PlainResponse) => {
    counts.subscribed = true;
    for (const { event } of events) {
      if (event.event === "lost") counts.lost += Number(event.lost?.lost);
      else if (event.process_tgid === pid) counts.received++;
    }
  });
  return counts;
}

test.run();
