import type { SampleId } from "@kernscope/perf";
import { FakeKernel, format } from "@kernscope/perf/testing";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { RunEnd } from "./container-lifecycle.js";
import type { ToldExec, ToldExit } from "./options.js";
import { ProcessWatch } from "./process-watch.js";

const formats = { "oom/mark_victim": format("mark_victim", 609, ["int pid;	offset:8;	size:4;	signed:1;"]) };

async function openBed() {
  const kernel = new FakeKernel({ formats });
  const monitor = await kernel.openMonitor();
  const seen: [string, number, unknown][] = [];
  const handlers = {
    executed: ({ pid, cgroup }: SampleId, filename: string) => seen.push([filename, pid, cgroup]),
    ended: ({ pid }: SampleId, end: RunEnd) => seen.push(["end", pid, end]),
  };
  const running = monitor.run();
  const close = async () => {
    await monitor.stop();
    await running;
    await monitor.close();
  };
  return { kernel, monitor, seen, handlers, close };
}

const records = (kernel: FakeKernel) => [
  kernel.emit("sched/sched_process_exec", { filename: "/x", pid: 5, old_pid: 5 }, { pid: 5, tid: 5, cgroup: 9 }),
  kernel.emit("sched/sched_process_exit", { comm: "x", pid: 5, group_dead: 1 }, { pid: 5, tid: 5 }),
];

test("the kernel tells from the start on, where nobody else does", async () => {
  const { kernel, monitor, seen, handlers, close } = await openBed();
  const watch = await ProcessWatch.open(monitor, handlers, undefined);
  assert.equal(records(kernel), [0, 0]);
  await watch.start();
  assert.equal(records(kernel), [1, 1]);
  kernel.deliver();
  assert.equal(
    seen.map(([what, pid]) => [what, pid]),
    [
      ["/x", 5],
      ["end", 5],
    ],
  );
  await watch.close();
  assert.equal(records(kernel), [0, 0]);
  await close();
});

test("who knows of processes tells in the kernel's place, but of the victims of a want of memory", async () => {
  const { kernel, monitor, seen, handlers, close } = await openBed();
  const execEventId = monitor.registerExternalEvent<ToldExec>("exec");
  const exitEventId = monitor.registerExternalEvent<ToldExit>("exit");
  const watch = await ProcessWatch.open(monitor, handlers, { execEventId, exitEventId });
  const tell = (pid: number, code: number | undefined, signal: number | undefined) => {
    const sample = { pid, tid: pid, cpu: 0, cgroup: 9, elapsed: monitor.clock.now() };
    monitor.enqueueExternalSample(execEventId, sample, { filename: `/${pid}` });
    monitor.enqueueExternalSample(exitEventId, sample, { code, signal });
    kernel.clock.advance(1e6);
    kernel.emit("oom/mark_victim", { pid: pid + 1 }, { pid: 1, tid: 1 });
    kernel.deliver();
  };
  tell(1, 0, 0);
  assert.equal(seen, []);
  await watch.start();
  assert.equal(records(kernel), [0, 0]);
  tell(2, 7, 0);
  tell(3, undefined, 9);
  tell(5, undefined, undefined);
  tell(6, undefined, undefined);
  assert.equal(seen, [
    ["/2", 2, 9],
    ["end", 2, { status: 7, signal: 0, oomKilled: false }],
    ["/3", 3, 9],
    ["end", 3, { status: undefined, signal: 9, oomKilled: true }],
    ["/5", 5, 9],
    ["end", 5, { status: undefined, signal: undefined, oomKilled: false }],
    ["/6", 6, 9],
    ["end", 6, { status: undefined, signal: 9, oomKilled: true }],
  ]);
  await watch.close();
  tell(7, 0, 0);
  assert.is(seen.length, 8);
  await close();
});

test.run();
