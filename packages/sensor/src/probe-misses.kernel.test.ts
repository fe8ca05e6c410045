import { setTimeout } from "node:timers/promises";
import { Tracefs } from "@kernscope/perf";
import { requires } from "@kernscope/test-support";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { LostRecordCause, LostRecordType } from "./payload.js";
import { EventBed } from "./testing/event-bed.js";

const probes = requires({ root: true, perf: true, kprobes: true });
/** Threads that sleep at once: more than returns of one function can be waited for. */
const THREADS = 400;
/** Seconds that they sleep: an emulated CPU takes its time until the last has begun. */
const SECONDS = process.env.KERNSCOPE_VM ? 10 : 2;

const sleepers = `
#include <pthread.h>
#include <unistd.h>
static pthread_barrier_t all;
static void *sleeper(void *unused) {
  pthread_barrier_wait(&all);
  usleep(${SECONDS} * 1000000);
  return 0;
}
int main(void) {
  pthread_t threads[${THREADS}];
  pthread_attr_t small;
  pthread_attr_init(&small);
  pthread_attr_setstacksize(&small, 65536);
  pthread_barrier_init(&all, NULL, ${THREADS});
  for (int i = 0; i < ${THREADS}; i++) if (pthread_create(&threads[i], &small, sleeper, NULL)) return 1;
  for (int i = 0; i < ${THREADS}; i++) pthread_join(threads[i], NULL);
  return 0;
}`;

probes("missed probes: the subscriber is told of as many as kprobe_profile says", async () => {
  await using bed = await EventBed.open();
  const program = bed.compile("sleepers", sleepers, "-pthread");
  const gathered = await bed.gather({ filters: [{ kind: "kernel-call.exit", symbol: "hrtimer_nanosleep" }] });
  await bed.runBeside(program);
  const missed = await missedReturns("hrtimer_nanosleep");
  assert.ok(missed >= THREADS - 256, `${missed} were missed: this shows nothing`);
  const told = () =>
    gathered.events
      .flatMap(({ event }) => (event.case === "lost" ? [event.value] : []))
      .filter(({ cause, type }) => cause === LostRecordCause.PROBE_MISSED && type === LostRecordType.SUBSCRIPTION)
      .reduce((sum, { lost }) => sum + lost, 0);
  for (let i = 0; i < 300 && told() < missed; i++) await setTimeout(100);
  assert.is(told(), missed);
});

/** What the kernel's own file says of this process's probe. */
async function missedReturns(symbol: string): Promise<number> {
  const tracefs = await Tracefs.open();
  const [lines, profile] = await Promise.all([tracefs.read("kprobe_events"), tracefs.read("kprobe_profile")]);
  await tracefs.close();
  const own = new RegExp(`^r\\d*:kernscope/(p\\d+_${process.pid}_\\S+) ${symbol}\\b`, "m");
  const name = own.exec(lines)?.[1];
  assert.ok(name !== undefined, `no probe of ${symbol} in\n${lines}`);
  const [, count] = new RegExp(`^\\s*${name}\\s+\\d+\\s+(\\d+)\\s*$`, "m").exec(profile) ?? [];
  return Number(count);
}

test.run();
