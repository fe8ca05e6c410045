import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { requires } from "@kernscope/test-support";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type PlainResponse, subscribeByGrpcJs } from "../testing/grpc-js-client.js";
import { until } from "../testing/index.js";
import { resourcesOf } from "../testing/kernel-resources.js";
import { withSensor } from "../testing/sensor-program.js";

const SECONDS = Number(process.env.KERNSCOPE_SOAK_SECONDS ?? 60);
const RATE = 20_000;
/** getppid(2), which nearly nobody calls. */
const GETPPID = process.arch === "arm64" ? 173 : 110;
const MIB = 1024 * 1024;

requires({ root: true, perf: true })(
  `${RATE} system calls a second for ${SECONDS} s: each is told or in a gap, and neither memory nor descriptors grow`,
  withSensor(async (path, { pid }) => {
    let received = 0;
    let lost = 0;
    let subscribed = false;
    const flood = spawn(process.execPath, ["-e", source, `${RATE}`, `${SECONDS}`], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    const stream = subscribeByGrpcJs(path, {
      event_filter: { syscall_events: [{ type: "SYSCALL_EVENT_TYPE_ENTER", id: { value: GETPPID } }] },
    });
    stream.on("error", () => {});
    stream.on("data", ({ events }: PlainResponse) => {
      subscribed = true;
      for (const { event } of events) {
        if (event.event === "lost") lost += Number(event.lost?.lost);
        else if (event.process_tgid === flood.pid) received++;
      }
    });
    await until(() => subscribed, "it has subscribed").catch((error) => {
      flood.kill();
      throw error;
    });
    let made = "";
    flood.stdout.on("data", (data) => {
      made += data;
    });
    const ended = once(flood, "close");
    flood.stdin.end("go");
    const memory: number[] = [];
    const sampler = setInterval(() => memory.push(residentMemory(pid)), 250);
    await new Promise((resolve) => setTimeout(resolve, (SECONDS * 1000) / 4));
    const early = resourcesOf(pid);
    await ended;
    clearInterval(sampler);
    await until(() => received + lost >= Number(made), "all have come");
    if (lost === 0) assert.is(received, Number(made));
    const half = Math.floor(memory.length / 2);
    const grown = median(memory.slice(half + half / 2)) - median(memory.slice(half / 2, half));
    assert.ok(grown < 48 * MIB, `${Math.round(grown / MIB)} MiB more from the second quarter to the last`);
    assert.ok(resourcesOf(pid).descriptors <= early.descriptors);
    assert.is(resourcesOf(pid).rings, early.rings);
    stream.cancel();
  }),
);

const source = `
  const [rate, seconds] = process.argv.slice(1).map(Number);
  process.stdin.once("data", () => {
    const started = performance.now();
    let made = 0;
    let parents = 0;
    const tick = () => {
      const past = (performance.now() - started) / 1000;
      for (const due = Math.min(past, seconds) * rate; made < due; made++) parents += process.ppid;
      if (past < seconds) setTimeout(tick, 1);
      else if (parents > 0) console.log(made);
    };
    tick();
  });`;

function residentMemory(pid: number): number {
  const [, kib] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
  return Number(kib) * 1024;
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}

test.run();
