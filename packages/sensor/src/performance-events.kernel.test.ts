import { requires } from "@kernscope/test-support";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { PerformanceEventType, type PerformancePayload } from "./payload.js";
import { EventBed, valuesOf } from "./testing/event-bed.js";

const kernel = requires({ root: true, perf: true });

/** Touches so many pages, each for the first time. */
const faults = `
#include <stdlib.h>
#include <sys/mman.h>
int main(int argc, char **argv) {
  int pages = atoi(argv[1]);
  char *memory = mmap(0, pages * 4096L, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  madvise(memory, pages * 4096L, MADV_NOHUGEPAGE);
  for (int i = 0; i < pages; i++) memory[i * 4096L] = 1;
}`;
/** PERF_COUNT_SW_PAGE_FAULTS and PERF_COUNT_SW_CONTEXT_SWITCHES of linux/perf_event.h. */
const [PAGE_FAULTS, CONTEXT_SWITCHES] = [2, 3];

kernel("counters: a reading each time the first has counted so many, with the values of all", async () => {
  await using bed = await EventBed.open();
  const program = bed.compile("faults", faults);
  const counters = [PAGE_FAULTS, CONTEXT_SWITCHES].map((config) => ({ type: "software" as const, config }));
  const { events, done, stream } = await bed.gather({ filters: [{ kind: "performance", counters, period: 100 }] });
  assert.equal(stream.statuses, [{ code: 0, message: "" }]);
  const { pid } = bed.run(program, "5000");
  await bed.sensor.stop();
  await done;
  const readings = valuesOf(events, pid, "performance") as PerformancePayload[];
  assert.ok(readings.length >= 45 && readings.length <= 60, `${readings.length} readings`);
  for (const cpu of new Set(events.map((event) => event.cpu))) {
    let before = -1n;
    for (const { event } of events.filter((each) => each.cpu === cpu)) {
      const { totalTimeEnabled, totalTimeRunning, values } = event.value as PerformancePayload;
      assert.ok(totalTimeEnabled > 0n && totalTimeRunning > 0n && totalTimeRunning <= totalTimeEnabled);
      assert.equal(
        values.map(({ type, config }) => [type, config]),
        [
          [PerformanceEventType.SOFTWARE, PAGE_FAULTS],
          [PerformanceEventType.SOFTWARE, CONTEXT_SWITCHES],
        ],
      );
      assert.ok(values[0]!.value > before);
      before = values[0]!.value;
    }
  }
});

test.run();
