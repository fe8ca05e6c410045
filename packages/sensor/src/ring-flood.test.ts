import { setTimeout } from "node:timers/promises";
import { and, compare } from "@kernscope/expression";
import { requires } from "@kernscope/test-support";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { TelemetryEvent } from "./event.js";
import { type LostPayload, LostRecordCause, LostRecordType } from "./payload.js";
import type { EventFilter, SubscriptionRequest } from "./subscription-request.js";
import { syscallNumber } from "./syscall-numbers.js";
import { EventBed } from "./testing/event-bed.js";

const kernel = requires({ root: true, perf: true });
/** Of the flood, with a marker each; `KERNSCOPE_FULL=1` runs a minute. */
const SECONDS = process.env.KERNSCOPE_FULL === "1" ? 60 : 8;
/** What nobody else gives to getpriority(2). */
const [FLOOD, MARKER] = [77777, 88888];
/** Calls after the flood: fewer than a ring holds, so that none can be lost however busy the machine is. */
const AFTER = 100;
/** Nanoseconds after which all of it is delivered or told: two seconds, if nothing else keeps the machine busy. */
const CALM = 15e9;

/**
 * Calls without a pause for so many seconds. Once in each it does what an intruder wants to hide: another call, and a
 * program. Prints when these were, and when and how many the calls of the flood.
 */
const flood = `
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
static long long now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000000LL + t.tv_nsec;
}
int main(int argc, char **argv) {
  long seconds = atol(argv[1]), calls = 0, marker = 0;
  long long start = now(), time;
  while ((time = now()) < start + seconds * 1000000000LL) {
    for (int i = 0; i < 1000; i++) syscall(SYS_getpriority, ${FLOOD}, calls++);
    if (marker < seconds && time >= start + marker * 1000000000LL + 500000000) {
      char name[32];
      snprintf(name, sizeof name, "marker-%ld", marker);
      printf("%ld %lld ", marker++, now());
      syscall(SYS_getpriority, ${MARKER}, 0);
      fflush(stdout);
      if (fork() == 0) { execl("/bin/true", name, NULL); _exit(1); }
      wait(NULL);
      printf("%lld\\n", now());
    }
  }
  printf("flood %lld %lld %ld\\n", start, now(), calls);
  return 0;
}`;

const after = `
#include <sys/syscall.h>
#include <unistd.h>
int main(int argc, char **argv) {
  for (int i = 0; i < ${AFTER}; i++) { syscall(SYS_getpriority, ${FLOOD}, i); usleep(1000); }
  return 0;
}`;

const callsWith = (argument: number): EventFilter => ({
  kind: "syscall.enter",
  where: and(compare("id", "int64", "eq", syscallNumber("getpriority")!), compare("arg0", "uint64", "eq", argument)),
});

kernel(
  "flood to overflow the ring and hide: calls = delivered + lost; each marker is delivered or in a gap; then no loss",
  async () => {
    await using bed = await EventBed.open({ monitor: { ringSize: 8 * 4096 } });
    const [program, gentle] = [bed.compile("ring-flood", flood), bed.compile("ring-flood-after", after)];
    const flooded = await Tally.of(bed, { filters: [callsWith(FLOOD)] });
    const hidden = await Tally.of(bed, { filters: [callsWith(MARKER)] });
    const execs = await Tally.of(bed, { filters: [{ kind: "process.exec" }] });
    const { pid, lines } = await bed.runBeside(program, `${SECONDS}`);
    const { origin } = bed.sensor.monitor.clock;
    const times = lines.map((line) => (line.match(/\d+/g) ?? []).map((number) => BigInt(number)));
    const [start, end, calls] = times.pop()!;
    const markers = times.map(([, from, to]) => ({ from: Number(from! - origin), to: Number(to! - origin) }));
    assert.is(markers.length, SECONDS);
    await caughtUp(bed);
    const calm = bed.sensor.monitor.clock.now();
    const behind = calm - Number(end! - origin);
    assert.ok(behind < CALM, `still behind ${behind} ns after its end`);
    const late = bed.run(gentle);
    await bed.sensor.stop();
    await Promise.all([flooded.done, hidden.done, execs.done]);

    const lost = flooded.lossesOf(LostRecordType.SUBSCRIPTION);
    assert.ok(sum(lost) > 0, "nothing was lost: this shows nothing");
    assert.is((flooded.eventsOf.get(pid) ?? 0) + sum(lost), Number(calls));
    // The subscriber hears of it within a second; only a fault takes several.
    const heard = Number(lost[0]!.lastMonotimeNanos) - Number(start! - origin);
    assert.ok(heard < 5e9, `told ${heard} ns after it began`);
    // What was lost until all had come was told with it; nothing of what came after was lost.
    assert.ok(lost.every(({ firstMonotimeNanos }) => firstMonotimeNanos! < calm));
    assert.is(flooded.eventsOf.get(late.pid), AFTER);

    const gaps = hidden.lossesOf(LostRecordType.SUBSCRIPTION);
    assert.is(hidden.events.length + sum(gaps), SECONDS);
    for (const marker of markers) assert.ok(hidden.has(marker) || liesIn(marker, gaps), `no marker at ${marker.from}`);
    const processGaps = execs.lossesOf(LostRecordType.PROCESS);
    markers.forEach((marker, index) => {
      const delivered = execs.events.some(({ commandLine }) => commandLine?.[0] === `marker-${index}`);
      assert.ok(delivered || liesIn(marker, processGaps), `marker-${index} is hidden`);
    });
    if (process.env.KERNSCOPE_FULL === "1") {
      const rows = [
        `${calls} calls, ${sum(lost)} lost, first told ${(heard / 1e6).toFixed(0)} ms after the flood began`,
        `${hidden.events.length} of ${SECONDS} marker calls delivered, ${sum(gaps)} in gaps`,
        `last loss told ${((lost.at(-1)!.lastMonotimeNanos! - Number(end! - origin)) / 1e6).toFixed(0)} ms after its end`,
      ];
      console.log(rows.join("\n"));
    }
  },
);

/** What one subscriber got: a flood's events are counted, for they are too many to keep. */
class Tally {
  readonly eventsOf = new Map<number, number>();
  readonly events: TelemetryEvent[] = [];
  readonly #losses: LostPayload[] = [];
  done: Promise<void> = Promise.resolve();

  static async of(bed: EventBed, request: SubscriptionRequest): Promise<Tally> {
    const tally = new Tally();
    const stream = await bed.sensor.newSubscription(request);
    tally.done = (async () => {
      for await (const batch of stream) for (const event of batch) tally.#count(event);
    })();
    return tally;
  }

  #count(event: TelemetryEvent): void {
    if (event.event.case === "lost") this.#losses.push(event.event.value);
    else this.eventsOf.set(event.processTgid!, (this.eventsOf.get(event.processTgid!) ?? 0) + 1);
    if (this.events.length < 65_536 && event.event.case !== "lost") this.events.push(event);
  }

  /** Losses of a type. Whoever reads too slowly is told of that in the place of what it missed. */
  lossesOf(type: number): LostPayload[] {
    const causes: number[] = [LostRecordCause.KERNEL_RING, LostRecordCause.SLOW_CLIENT];
    assert.ok(this.#losses.every(({ cause }) => causes.includes(cause)));
    return this.#losses.filter((loss) => loss.type === type);
  }

  has({ from, to }: Span): boolean {
    return this.events.some(({ sensorMonotimeNanos: time }) => time >= from && time <= to);
  }
}

interface Span {
  readonly from: number;
  readonly to: number;
}

function liesIn({ from, to }: Span, gaps: readonly LostPayload[]): boolean {
  return gaps.some(
    ({ firstMonotimeNanos, lastMonotimeNanos }) => firstMonotimeNanos! <= to && lastMonotimeNanos! >= from,
  );
}

function sum(losses: readonly LostPayload[]): number {
  return losses.reduce((total, { lost }) => total + lost, 0);
}

/** Waits until all that the kernel counted was either delivered or lost. */
async function caughtUp(bed: EventBed): Promise<void> {
  const latest = performance.now() + 4 * (CALM / 1e6);
  while (true) {
    const { events } = await bed.sensor.monitor.loss();
    const calls = events.filter(({ name }) => name.endsWith("getpriority"));
    if (calls.every(({ hits, lost, delivered }) => Number(hits - (lost ?? 0n)) === delivered)) return;
    assert.ok(performance.now() < latest, "it never catches up");
    await setTimeout(100);
  }
}

test.run();
