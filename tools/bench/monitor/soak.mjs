import { decodeObject, EventMonitor, parseTraceFormat } from "../../../packages/perf/dist/index.js";
import { encodeRaw, FakeKernel, ReplaySource } from "../../../packages/perf/dist/testing/index.js";

const STEPS = 10;
const events = {
  "task/task_rename": { pid: 1234, oldcomm: "old", newcomm: "new" },
  "sched/sched_process_exec": { filename: "/usr/bin/env", pid: 1234, old_pid: 1234 },
  "sched/sched_process_exit": { comm: "true", pid: 1234, prio: 120, group_dead: true },
  "signal/signal_generate": { sig: 17, comm: "bash", pid: 1233, group: 1 },
};

/**
 * Replays so many records through a monitor whose handlers read every field, and the loss account beside it.
 *
 * @param {number} records
 * @param {(done: number, memory: { heap: number, rss: number }) => void} [onStep] Told memory in KiB, ten times.
 * @returns What memory grew by, in KiB, from the first tenth, when all is warm, to the end.
 */
export async function soak(records, onStep = () => {}) {
  const kernel = new FakeKernel();
  const source = new ReplaySource(kernel.source);
  const monitor = await EventMonitor.open({
    source,
    tracing: kernel.tracing,
    readClock: kernel.clock.read,
    hotplugInterval: 50,
    lossInterval: 50,
  });
  let seen = 0;
  let bytes = 0;
  const spans = [];
  for (const [name, fields] of Object.entries(events)) {
    const event = await monitor.registerTracepoint(name, (record, data) => {
      seen++;
      bytes += 1 + (record.elapsed >= 0 ? Object.keys(decodeObject(data)).length : 0);
    });
    spans.push({ event, raw: encodeRaw(parseTraceFormat(kernel.tracing.formatOf(name)), fields) });
  }
  monitor.onLoss(() => {});
  source.load(spans, monitor.clock.origin);
  const run = monitor.run();
  const started = performance.now();
  let first;
  let last;
  for (let step = 0; step < STEPS; step++) {
    await source.replay(records / STEPS);
    last = memory();
    first ??= last;
    onStep(seen, last);
  }
  const seconds = (performance.now() - started) / 1000;
  await monitor.stop();
  await run;
  await monitor.close();
  if (seen !== source.handedOut || !(bytes > seen)) throw new Error(`${seen} of ${source.handedOut} records were seen`);
  return { records: seen, seconds, grown: last.heap - first.heap, rss: last.rss - first.rss };
}

/** KiB, without what the collector has only not come to yet. */
function memory() {
  globalThis.gc?.();
  const { heapUsed, rss } = process.memoryUsage();
  return { heap: Math.round(heapUsed / 1024), rss: Math.round(rss / 1024) };
}
