import { readFileSync } from "node:fs";
import { requires } from "@kernscope/test-support";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type PlainResponse, subscribeByGrpcJs } from "../testing/grpc-js-client.js";
import { until } from "../testing/index.js";
import { resourcesOf } from "../testing/kernel-resources.js";
import { withSensor } from "../testing/sensor-program.js";
import { floodFilter, startFlood } from "../testing/syscall-flood.js";

const SECONDS = Number(process.env.KERNSCOPE_SOAK_SECONDS ?? 60);
const RATE = 20_000;
const MIB = 1024 * 1024;
/** Less than an event takes that is kept in any form. Below it lies what a process that warms up takes in a minute. */
const LEAKED = 64;
/** One event of so many has its lateness taken, since BigInts cost this client more than the rest. */
const SAMPLED = 64;

requires({ root: true, perf: true })(
  `${RATE} system calls a second for ${SECONDS} s: each is told or in a gap; memory, descriptors and lateness do not grow`,
  withSensor(async (path, { pid }) => {
    const flood = startFlood(RATE, SECONDS);
    let received = 0;
    let lost = 0;
    let subscribed = false;
    const latencies: number[] = [];
    const stream = subscribeByGrpcJs(path, { event_filter: floodFilter });
    stream.on("error", () => {});
    stream.on("data", ({ events }: PlainResponse) => {
      subscribed = true;
      const now = Date.now();
      for (const { event } of events) {
        if (event.event === "lost") lost += Number(event.lost?.lost);
        else if (event.process_tgid === flood.pid && received++ % SAMPLED === 0) {
          latencies.push(now - Number(BigInt(event.unix_time_nanos) / 1000n) / 1000);
        }
      }
    });
    await until(() => subscribed, "it has subscribed").catch((error) => {
      flood.kill();
      throw error;
    });
    const ended = flood.run();
    const memory: number[] = [];
    const sampler = setInterval(() => memory.push(residentMemory(pid)), 250);
    await new Promise((resolve) => setTimeout(resolve, (SECONDS * 1000) / 4));
    const early = await resourcesOf(pid);
    const made = await ended;
    clearInterval(sampler);
    await until(() => received + lost >= made, "all have come");
    if (lost === 0) assert.is(received, made);

    const [second, last] = [1, 3].map((at) => median(quarter(memory, at))) as [number, number];
    const most = Math.min(48 * MIB, (made / 2) * LEAKED);
    assert.ok(
      last - second < most,
      `${Math.round((last - second) / MIB)} MiB more from the second quarter to the last`,
    );
    const { descriptors, rings } = await resourcesOf(pid);
    assert.ok(descriptors <= early.descriptors, `${descriptors} descriptors, ${early.descriptors} before`);
    assert.is(rings, early.rings);
    const [before, after] = [1, 3].map((at) => p99(quarter(latencies, at))) as [number, number];
    // What else runs on the machine makes it late by a second, but what waits ever longer makes it late by more.
    assert.ok(after < 5 * before + 1000, `late by ${after} ms (p99), and by ${before} ms in the second quarter`);
    stream.cancel();
  }),
);

function residentMemory(pid: number): number {
  const [, kib] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
  return Number(kib) * 1024;
}

/** @param at from 0 */
function quarter(values: readonly number[], at: number): number[] {
  return values.slice((values.length * at) / 4, (values.length * (at + 1)) / 4);
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

function p99(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length * 0.99)] ?? Number.NaN;
}

test.run();
