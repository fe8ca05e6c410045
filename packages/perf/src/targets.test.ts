import { readdirSync, rmdirSync } from "node:fs";
import { mkdtemp, rmdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { PerfNativeError } from "@kernscope/perf-native";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { Targets } from "./targets.js";
import { FakeKernel } from "./testing/index.js";

test("the whole system", async () => {
  const targets = await Targets.open({});
  assert.equal(await targets.list([0, 2]), {
    targets: [
      { pid: -1, cpu: 0 },
      { pid: -1, cpu: 2 },
    ],
    flags: 0,
    inherit: false,
  });
  await targets.close();
});

test("processes: all their threads, on all CPUs, with what they start", async () => {
  const targets = await Targets.open({ pids: [process.pid] });
  const { targets: list, flags, inherit } = await targets.list([0, 1]);
  const threads = readdirSync("/proc/self/task").map(Number);
  assert.ok(threads.every((tid) => list.some(({ pid, cpu }) => pid === tid && cpu === 1)));
  assert.is(flags, 0);
  assert.ok(inherit);
});

test("cgroups: their directories, which are open until close", async () => {
  const directory = await mkdtemp(join(tmpdir(), "cgroup-"));
  const count = () => readdirSync("/proc/self/fd").length;
  const before = count();
  const targets = await Targets.open({ cgroups: [directory, directory] });
  assert.is(count(), before + 2);
  const { targets: list, flags } = await targets.list([3]);
  assert.is(list.length, 2);
  assert.is(flags, 4);
  await targets.close();
  assert.is(count(), before);
  await rmdir(directory);
});

const RENAME = "task/task_rename";

test("a thread that came while an event was opened has it opened anew: it may be of one that was not watched yet", async () => {
  const kernel = new FakeKernel();
  await using monitor = await kernel.openMonitor({ pids: [process.pid] });
  const numbers: number[] = [];
  let worker: Worker | undefined;
  kernel.source.onOpen = ({ targets, enabled }) => {
    assert.not.ok(enabled);
    numbers.push(targets.length);
    worker ??= new Worker("setInterval(() => {}, 1000)", { eval: true });
  };
  const id = await monitor.registerTracepoint(RENAME, () => {});
  await worker?.terminate();
  assert.ok(numbers.length > 1 && (numbers.at(-1) ?? 0) > (numbers[0] ?? 0), numbers.join());
  const [event, ...others] = kernel.source.events.values();
  assert.equal([event?.enabled, others.length], [true, 0]);
  await monitor.unregister(id);
  assert.is(kernel.source.events.size, 0);
});

test("a process whose threads come all the time is refused, and nothing stays open", async () => {
  const kernel = new FakeKernel();
  await using monitor = await kernel.openMonitor({ pids: [process.pid] });
  const workers: Worker[] = [];
  kernel.source.onOpen = () => {
    workers.push(new Worker("setInterval(() => {}, 1000)", { eval: true }));
  };
  const error = await monitor.registerTracepoint(RENAME, () => {}).catch((error) => error);
  await Promise.all(workers.map((worker) => worker.terminate()));
  assert.is(error.code, "busy", error.message);
  assert.is(kernel.source.events.size, 0);
  assert.equal((await monitor.loss()).events, []);
});

test("a filter of processes that are watched with what they start is not replaced", async () => {
  const kernel = new FakeKernel();
  await using monitor = await kernel.openMonitor({ pids: [process.pid] });
  const id = await monitor.registerTracepoint(RENAME, () => {}, { filter: "pid > 1" });
  const error = await monitor.setFilter(id, "pid > 2").catch((error) => error);
  assert.is(error.code, "unsupported");
  assert.match(error.message, /^setFilter\(task\/task_rename, "pid > 2"\): .* – unregister it and register it anew/);
  assert.equal(
    [...kernel.source.events.values()].map(({ filter, enabled }) => [filter, enabled]),
    [["pid > 1", true]],
  );
  const alone = await monitor.registerTracepoint(RENAME, () => {}, { attr: { flags: { inherit: false } } });
  await monitor.setFilter(alone, "pid > 2");
  assert.is([...kernel.source.events.values()].at(-1)?.filter, "pid > 2");
});

test("a cgroup that was removed is left out; when all are, that is what the error says", async () => {
  const directories = await Promise.all([1, 2].map(() => mkdtemp(join(tmpdir(), "cgroup-"))));
  const kernel = new FakeKernel();
  await using monitor = await kernel.openMonitor({ cgroups: directories });
  const id = await monitor.registerTracepoint(RENAME, () => {});
  const [first = -1, second = -1] = [...new Set(kernel.source.events.get(id)?.request.targets.map(({ pid }) => pid))];
  const gone = new Set<number>();
  kernel.source.onOpen = ({ targets }) => {
    const pid = targets.find((target) => gone.has(target.pid))?.pid;
    if (pid === undefined) return;
    throw new PerfNativeError("system", "…", { operation: "perf_event_open", errno: "ENOENT", cpu: 0, pid });
  };
  const remove = (index: number, descriptor: number) => {
    rmdirSync(directories[index] ?? "");
    gone.add(descriptor);
  };
  remove(0, first);
  await monitor.setFilter(id, "pid > 1");
  await monitor.registerTracepoint(RENAME, () => {});
  assert.equal(
    [...kernel.source.events.values()].map(({ request }) => request.targets.map(({ pid }) => pid)),
    [
      [second, second],
      [second, second],
    ],
  );
  remove(1, second);
  const refused = [
    await monitor.registerTracepoint(RENAME, () => {}).catch((error) => error),
    await monitor.setFilter(id, "").catch((error) => error),
  ];
  for (const { code, message } of refused) {
    assert.is(code, "not_found");
    assert.ok(message.startsWith(`open(cgroup ${directories.join(", ")}): they were removed – `), message);
  }
  assert.is(kernel.source.events.size, 2);
});

test("what cannot be watched is refused", async () => {
  const refused = async (options: object) => {
    const error = await new FakeKernel().openMonitor(options).catch((error) => error);
    return `${error.code} ${error.message}`;
  };
  assert.is(
    await refused({ pids: [1], cgroups: ["/x"] }),
    "invalid open(targets): pids and cgroups are given – choose one",
  );
  assert.is(await refused({ pids: [0] }), "invalid open(pid 0): not a process id");
  assert.is(await refused({ pids: [1.5] }), "invalid open(pid 1.5): not a process id");
  assert.is(await refused({ pids: [2 ** 30] }), "not_found open(pid 1073741824): no such process");
  assert.is(await refused({ cgroups: ["/no/such"] }), "not_found open(cgroup /no/such): ENOENT");
});

test.run();
