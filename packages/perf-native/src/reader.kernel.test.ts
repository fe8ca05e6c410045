import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { requires } from "@kernscope/test-support";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { PerfType, RecordType, SampleFormat, SoftwareEvent } from "./constants.js";
import { PerfNativeError } from "./errors.js";
import { openReader, type ReaderOptions } from "./reader.js";
import { RecordFlag, RecordOffset } from "./record-layout.js";
import type { OpenRequest, RecordSource } from "./record-source.js";
import { clockNanos, mountDetached } from "./system.js";

const kernel = requires({ root: true, perf: true });
const index = new URL("./index.js", import.meta.url).href;

interface Seen {
  type: number;
  event: number;
  tid: number;
  time: bigint;
  flags: number;
}

/** Reads all that comes, as `take` hands it out; nothing before `from` is settled. */
function collect(source: RecordSource, from?: Promise<void>): Seen[] {
  const seen: Seen[] = [];
  const view = new DataView(source.memory);
  let reading = from === undefined;
  const read = () => {
    while (reading && source.take()) {
      for (let at = source.spanStart; at < source.spanEnd; at += view.getUint32(at + RecordOffset.LENGTH, true)) {
        seen.push({
          type: view.getUint16(at + RecordOffset.TYPE, true),
          event: view.getUint32(at + RecordOffset.EVENT, true),
          tid: view.getUint32(at + RecordOffset.TID, true),
          time: view.getBigUint64(at + RecordOffset.TIME, true),
          flags: view.getUint16(at + RecordOffset.FLAGS, true),
        });
      }
      source.release();
    }
  };
  void from?.then(() => {
    reading = true;
    read();
  });
  source.start(read);
  return seen;
}

/** `getppid`'s tracepoint with a filter on this thread, so that a test knows how often it is hit. */
let tracefs = -1;
const syscallId = (name: string): number => {
  if (tracefs < 0) tracefs = mountDetached("tracefs");
  return Number(readFileSync(`/proc/self/fd/${tracefs}/events/syscalls/${name}/id`, "latin1"));
};

function request(source: RecordSource, more: Partial<OpenRequest> & { index: number }): OpenRequest {
  return {
    attr: {
      type: PerfType.TRACEPOINT,
      config: syscallId("sys_enter_getppid"),
      samplePeriod: 1,
      sampleType: SampleFormat.RAW,
    },
    targets: source.cpus.map((cpu) => ({ pid: -1, cpu })),
    enabled: true,
    ...more,
  };
}

/** Calls getppid(2) `count` times in a process of its own (`process.ppid` asks the kernel each time). */
function callGetppid(count: number): number {
  const { pid, status } = spawnSync(process.execPath, ["-e", `for (let i = 0; i < ${count}; i++) process.ppid`]);
  assert.is(status, 0);
  return pid;
}

/** Runs a test body with a source that is closed whatever happens. */
function withSource(options: ReaderOptions, body: (source: RecordSource) => Promise<void>): () => Promise<void> {
  return async () => {
    const source = await openReader(options);
    try {
      await body(source);
    } finally {
      await source.close();
    }
  };
}

/** Waits until all written before now has come out, however long the native thread has to wait for a processor. */
async function settle(source: RecordSource): Promise<void> {
  const now = clockNanos(source.clockId);
  const deadline = Date.now() + 60_000;
  while (((BigInt(source.horizonHigh) << 32n) | BigInt(source.horizonLow)) < now) {
    assert.ok(Date.now() < deadline, "the horizon does not move");
    source.requestHorizon();
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Time for threads to end, and descriptors with them. */
async function pause(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 500));
}

const fds = () => readdirSync("/proc/self/fd").length;
const threads = () => readdirSync("/proc/self/task").length;
const maps = () => readFileSync("/proc/self/maps", "latin1").split("perf_event]").length;

kernel(
  "each call is one record, in time order, and the kernel's counter agrees",
  withSource({}, async (source) => {
    const seen = collect(source);
    await source.open(request(source, { index: 5 }));
    const pid = callGetppid(1000);
    // Others may call it, too.
    await source.setEnabled([5], false);
    await settle(source);
    const counts = await source.counts(5);
    const hits = Number(counts.reduce((sum, count) => sum + count.value, 0n));
    assert.is(seen.length, hits);
    assert.is(seen.filter(({ tid }) => tid === pid).length, 1000);
    assert.ok(seen.every(({ event, type, flags }) => event === 5 && type === RecordType.SAMPLE && flags === 0));
    for (let i = 1; i < seen.length; i++) assert.ok(seen[i]!.time >= seen[i - 1]!.time);
  }),
);

kernel(
  "a ring of one page loses, and tells exactly how many",
  withSource({ ringSize: 4096, tick: 100, watermark: 4096 }, async (source) => {
    const seen = collect(source);
    await source.open(request(source, { index: 1 }));
    callGetppid(200_000);
    await settle(source);
    await source.setEnabled([1], false);
    await settle(source);
    const counts = await source.counts(1);
    const hits = counts.reduce((sum, count) => sum + count.value, 0n);
    const samples = seen.filter(({ type }) => type === RecordType.SAMPLE).length;
    // What one page holds comes out even where the reader hardly gets to run.
    assert.ok(samples > 30, `${samples} samples`);
    if (source.countsLost) {
      const lost = counts.reduce((sum, count) => sum + (count.lost ?? 0n), 0n);
      assert.ok(lost > 0n, "the flood was too small for the ring");
      assert.is(hits, BigInt(samples) + lost);
    } else {
      assert.ok(hits > BigInt(samples), "the flood was too small for the ring");
    }
  }),
);

kernel(
  "nothing is lost while JavaScript is busy: records wait in the rings",
  withSource({ spanSize: 256 * 1024 }, async (source) => {
    const seen = collect(source);
    await source.open(request(source, { index: 1 }));
    const pid = callGetppid(10_000); // this thread is blocked meanwhile, and 10,000 records are 1.2 MB
    await settle(source);
    const stats = source.stats();
    assert.is(seen.filter(({ tid }) => tid === pid).length, 10_000);
    assert.ok(stats.stalls > 0);
    assert.is(stats.late + stats.corrupt + stats.unknown + stats.lost, 0);
  }),
);

kernel(
  "a filter, given at first or later, decides what comes",
  withSource({}, async (source) => {
    const seen = collect(source);
    await source.open(request(source, { index: 1, filter: "common_pid == 0" }));
    callGetppid(10);
    await settle(source);
    assert.is(seen.length, 0);
    await source.open(request(source, { index: 2 }));
    await source.setFilter(2, "common_pid != 0");
    const pid = callGetppid(10);
    await settle(source);
    assert.is(seen.filter(({ tid }) => tid === pid).length, 10);
    try {
      await source.open(request(source, { index: 3, filter: "no_such_field == 1" }));
      assert.unreachable();
    } catch (error) {
      assert.instance(error, PerfNativeError);
      assert.is((error as PerfNativeError).errno, "EINVAL");
      assert.is((error as PerfNativeError).operation, "PERF_EVENT_IOC_SET_FILTER");
    }
  }),
);

kernel(
  "events with rings of their own, disabled, enabled and closed, do not disturb the others",
  withSource({}, async (source) => {
    const seen = collect(source);
    await source.open(request(source, { index: 1 }));
    await source.open(request(source, { index: 2, ringSize: 65536, enabled: false, urgent: true }));
    const first = callGetppid(10);
    await source.setEnabled([2], true);
    const second = callGetppid(10);
    await settle(source);
    await source.closeEvents([2]);
    const third = callGetppid(10);
    await settle(source);
    const by = (event: number, tid: number) => seen.filter((one) => one.event === event && one.tid === tid).length;
    assert.equal([by(1, first), by(1, second), by(1, third)], [10, 10, 10]);
    assert.equal([by(2, first), by(2, second), by(2, third)], [0, 10, 0]);
    for (let i = 1; i < seen.length; i++) assert.ok(seen[i]!.time >= seen[i - 1]!.time);
    assert.is(seen.filter(({ flags }) => flags & RecordFlag.LATE).length, 0);
  }),
);

kernel(
  "records that nobody took before their event was closed come out as its own, later",
  withSource({ spanSize: 256 * 1024 }, async (source) => {
    let begin = () => {};
    const seen = collect(source, new Promise((resolve) => (begin = resolve)));
    // Laid out otherwise than those of the rings' owners.
    const attr = { ...request(source, { index: 1 }).attr, sampleType: SampleFormat.RAW | SampleFormat.IP };
    await source.open(request(source, { index: 1, attr }));
    await source.open(request(source, { index: 2, attr, ringSize: 2 * 1024 * 1024 }));
    callGetppid(5_000);
    while (source.stats().stalls === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    await source.setEnabled([1, 2], false);
    const sum = async (index: number) =>
      (await source.counts(index)).reduce((hits, { value, lost }) => hits + Number(value) - Number(lost ?? 0n), 0);
    const written = [await sum(1), await sum(2)];
    await source.closeEvents([1, 2]);
    await pause();
    begin();
    await settle(source);
    assert.equal(
      [1, 2].map((index) => seen.filter(({ event }) => event === index).length),
      written,
    );
    const { unknown, corrupt, late } = source.stats();
    assert.equal([unknown, corrupt, late], [0, 0, 0]);
  }),
);

kernel(
  "a thread that has ended is left out; where nothing else is wanted, that is told",
  withSource({}, async (source) => {
    collect(source);
    const { pid } = spawnSync("true");
    const attr = { type: PerfType.SOFTWARE, config: SoftwareEvent.CONTEXT_SWITCHES, samplePeriod: 1 };
    const targets = (...pids: number[]) => pids.flatMap((pid) => source.cpus.map((cpu) => ({ pid, cpu })));
    const error = await source.open({ index: 1, attr, targets: targets(pid) }).catch((error) => error);
    assert.is(error.errno, "ESRCH");
    await source.open({ index: 2, attr, targets: targets(pid, process.pid), enabled: true });
    const counts = await source.counts(2);
    assert.equal([...new Set(counts.map(({ pid }) => pid))], [process.pid]);
  }),
);

kernel(
  "closing events does not keep JavaScript waiting",
  withSource({}, async (source) => {
    collect(source);
    const names = ["sys_enter_getppid", "sys_enter_getuid", "sys_enter_getgid", "sys_enter_geteuid"];
    for (const [at, name] of names.entries()) {
      const attr = { type: PerfType.TRACEPOINT, config: syscallId(name), samplePeriod: 1 };
      await source.open(request(source, { index: at, attr }));
    }
    let turns = 0;
    const turn = setInterval(() => turns++, 1);
    await source.closeEvents(names.map((_, at) => at));
    clearInterval(turn);
    assert.ok(turns >= 3, `the event loop turned ${turns} times`);
  }),
);

kernel("a batch that is asked for makes ticks longer where few records come, up to four times", async () => {
  const spans = async (batch: number) => {
    const source = await openReader({ batch, tick: 20 });
    try {
      let count = 0;
      source.start(() => {
        for (; source.take(); source.release()) if (source.spanEnd > source.spanStart) count++;
      });
      await source.open(request(source, { index: 1, filter: `common_pid == ${process.pid}` }));
      // Some ten records a tick.
      const until = Date.now() + 2000;
      while (Date.now() < until) {
        for (let call = 0; call < 5; call++) process.ppid;
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      await settle(source);
      return count;
    } finally {
      await source.close();
    }
  };
  const [bare, batched] = [await spans(0), await spans(1000)];
  assert.ok(bare > 20, `${bare}`);
  assert.ok(batched < 0.6 * bare, `${batched} of ${bare}`);
});

kernel("what fails leaves nothing behind", async () => {
  syscallId("sys_enter_getppid");
  const before = fds();
  const refused = async (operation: Promise<unknown>, code: string) => {
    try {
      await operation;
      assert.unreachable();
    } catch (error) {
      assert.instance(error, PerfNativeError);
      assert.is((error as PerfNativeError).code, code, String(error));
    }
  };
  await refused(openReader({ ringSize: 5000 }), "invalid");
  await refused(openReader({ spanSize: 1000 }), "invalid");
  await refused(openReader({ tick: 5, quickTick: 6 }), "invalid");
  await refused(openReader({ tick: 5, quickTick: 2, restTick: 1 }), "invalid");
  await refused(openReader({ batch: -1 }), "invalid");
  await refused(openReader({ clockId: 99 }), "system");
  const source = await openReader();
  const opened = fds();
  await refused(source.open(request(source, { index: 1, attr: { type: PerfType.TRACEPOINT, config: 1e9 } })), "system");
  await refused(source.open(request(source, { index: 1, filter: "no_such_field == 1" })), "system");
  await refused(source.open(request(source, { index: 2, leader: 1 })), "system");
  await refused(source.open(request(source, { index: 2, completeStack: true })), "invalid");
  await refused(source.open(request(source, { index: 2, completeStack: true, ringSize: 65_536 })), "invalid");
  await pause();
  const failed = fds();
  await source.close();
  assert.is(failed, opened);
  await refused(
    Promise.resolve().then(() => source.open(request(source, { index: 1 }))),
    "closed",
  );
  assert.is(fds(), before);
});

kernel("opened and closed 200 times, fds, mappings and threads are as they were", async () => {
  const round = async () => {
    const source = await openReader({ ringSize: 65536 });
    collect(source);
    const attr = { type: PerfType.SOFTWARE, config: 3, samplePeriod: 1 };
    await source.open(request(source, { index: 1, attr, ringSize: 16384 }));
    await source.close();
  };
  await round();
  const before = [fds(), maps()];
  for (let i = 0; i < 200; i++) await round();
  assert.equal([fds(), maps()], before);
  await pause();
  assert.ok(threads() < 20, `${threads()} threads`);
});

const steps: Record<string, string> = {
  "only imported": "",
  opened: "await openReader();",
  "started and unreferenced": "const s = await openReader(); s.start(() => {}); s.unref();",
  closed: "const s = await openReader(); s.start(() => {}); await s.close();",
  "an open under way": `const s = await openReader(); s.open({ index: 1, attr: { type: 1, config: 3, samplePeriod: 1 },
    targets: [{ pid: -1, cpu: 0 }], enabled: true });`,
  "started, then process.exit": "const s = await openReader(); s.start(() => {}); process.exit(0);",
  "a close under way, then process.exit":
    "const s = await openReader(); s.start(() => {}); s.close(); process.exit(0);",
  "in a worker that is terminated": `const { Worker } = await import("node:worker_threads");
    const worker = new Worker(\`import(${JSON.stringify(index)}).then(async ({ openReader }) => {
      const s = await openReader(); s.start(() => {}); (await import("node:worker_threads")).parentPort.postMessage(1); })\`,
      { eval: true });
    await new Promise((resolve) => worker.once("message", resolve)); await worker.terminate();`,
};
for (const [step, code] of Object.entries(steps)) {
  kernel(`a process ends by itself: ${step}`, () => {
    const script = `import { openReader } from ${JSON.stringify(index)}; ${code}`;
    const { status, signal, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", script], {
      timeout: 20_000,
      encoding: "utf8",
    });
    assert.equal([status, signal], [0, null], stderr);
  });
}

test.run();
