import { spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { and, compare } from "@kernscope/expression";
import { requires } from "@kernscope/test-support";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Subscription } from "./subscription.js";
import type { EventFilter } from "./subscription-request.js";
import { syscallNumber } from "./syscall-numbers.js";
import { EventBed } from "./testing/event-bed.js";

const kernel = requires({ root: true, perf: true });
/** Of the load; `KERNSCOPE_FULL=1` runs a minute. */
const SECONDS = process.env.KERNSCOPE_FULL === "1" ? 60 : 8;
/** Calls a second, and events that the subscriber takes in that time. */
const [RATE, PULLED] = [40_000, 4_000];
const MIB = 1024 * 1024;

/** So many calls a second for so many seconds; prints how many there were. */
const load = `
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>
int main(int argc, char **argv) {
  long steps = atol(argv[1]) * 500, calls = 0;
  for (long step = 0; step < steps; step++) {
    for (int i = 0; i < ${RATE / 500}; i++) syscall(SYS_getpriority, 66666, calls++);
    usleep(2000);
  }
  return 0;
}`;

const calls: EventFilter = {
  kind: "syscall.enter",
  where: and(compare("id", "int64", "eq", syscallNumber("getpriority")!), compare("arg0", "uint64", "eq", 66666)),
};

kernel(
  "memory grows under load: not beyond its bound with a subscriber ten times too slow, and every event is delivered or told",
  async () => {
    await using bed = await EventBed.open();
    const program = bed.compile("slow-subscriber", load);
    const run = async (seconds: number) => once(spawn(program, [`${seconds}`]), "close");
    // What the sensor takes with a subscriber that keeps up.
    const healthy = await bed.gather({ filters: [calls], limit: RATE });
    await run(2);
    await healthy.done;
    healthy.events.length = 0;
    const before = residentSize();

    const slow = await bed.sensor.newSubscription({ filters: [calls] });
    const told = { delivered: 0, lost: 0 };
    const pulling = pull(slow, told);
    const sizes: number[] = [];
    let waiting = 0;
    const looking = setIntervalUnref(() => {
      waiting = Math.max(waiting, slow.queued);
      sizes.push(residentSize());
    });
    await run(SECONDS);
    clearInterval(looking);
    const { dropped } = slow.counters;
    await bed.sensor.stop();
    pulling.hurry();
    await pulling.done;

    assert.ok(dropped > 0, "it kept up: this shows nothing");
    assert.ok(waiting <= 65_536 + 1, `${waiting} entries waited`);
    assert.is(told.delivered + told.lost, SECONDS * RATE);
    const growth = (Math.max(...sizes) - before) / MIB;
    assert.ok(growth <= 64, `${growth.toFixed(1)} MiB more`);
    // Its queue was full by the middle at the latest: from there on nothing grows.
    const [third, last] = [sizes.slice(sizes.length / 2, (sizes.length * 3) / 4), sizes.slice((sizes.length * 3) / 4)];
    const slope = (median(last) - median(third)) / MIB;
    assert.ok(slope <= 8, `${slope.toFixed(1)} MiB more in the last quarter than in the third`);
    if (process.env.KERNSCOPE_FULL === "1") {
      console.log(
        `${growth.toFixed(1)} MiB more, slope ${slope.toFixed(1)} MiB; ${dropped} of ${SECONDS * RATE} dropped and told`,
      );
    }
  },
);

/** Takes a tenth of what comes, until it may take the rest at once. */
function pull(stream: Subscription, told: { delivered: number; lost: number }) {
  let slow = true;
  const done = (async () => {
    for await (const batch of stream) {
      for (const { event } of batch) {
        if (event.case !== "lost") told.delivered++;
        else told.lost += event.value.lost;
      }
      if (slow) await setTimeout((1000 * batch.length) / PULLED);
    }
  })();
  return {
    done,
    hurry: () => {
      slow = false;
    },
  };
}

setFlagsFromString("--expose-gc");
const collectGarbage: () => void = runInNewContext("gc");

function residentSize(): number {
  collectGarbage();
  return process.memoryUsage.rss();
}

function setIntervalUnref(look: () => void): NodeJS.Timeout {
  return setInterval(look, 500).unref();
}

function median(numbers: readonly number[]): number {
  return [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)]!;
}

test.run();
