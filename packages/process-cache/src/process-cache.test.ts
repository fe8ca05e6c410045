import { FakeKernel } from "@kernscope/perf/testing";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { withCache } from "./cache-bed.test.support.js";
import { ProcessCacheError } from "./errors.js";
import { ProcessInfoCache } from "./process-cache.js";
import { cgroupFormats } from "./testing/formats.js";
import { execSample, FakeProc } from "./testing/index.js";

test(
  "what the kernel tells becomes events in the same order, and tasks",
  withCache(({ kernel, cache, seen, execs, exits, fork, exec, exit }) => {
    fork(10, 100);
    exec(100, ["/bin/true", "a b", ""]);
    fork(10, 101);
    exit(100, 3);
    exec(101, ["/bin/false"]);
    exit(101, undefined);
    kernel.deliver();
    assert.equal(seen, [
      "fork 10 100",
      "exec 100 /bin/true",
      "fork 10 101",
      "exit 100 768",
      "exec 101 /bin/false",
      "exit 101 undefined",
    ]);
    assert.equal(
      [execs[0]?.commandLine, execs[0]?.truncated, execs[0]?.oldPid],
      [["/bin/true", "a b", ""], false, 100],
    );
    assert.equal([exits[0]?.code, exits[0]?.signal, exits[0]?.certain], [3, 0, true]);
    const task = cache.lookupTask(100);
    assert.is(task, exits[0]?.task);
    assert.equal(
      cache.ancestors(task).map(({ pid }) => pid),
      [10, 1],
    );
    assert.equal([task.creds?.uid, task.origin("creds").source], [1000, "tracepoint"]);
    assert.is(task.cgroupPath, "/user");
  }),
);

test(
  "an event comes right behind the record that it is made of, when the cache knows of it",
  withCache(async ({ kernel, monitor, cache, seen, fork, exec }) => {
    await monitor.registerTracepoint<{ pid: number }>("sched/sched_process_exec", (_, { pid }) => {
      seen.push(`record ${pid} ${cache.lookupTask(pid).filename}`);
    });
    fork(10, 100);
    exec(100, ["/bin/a"]);
    exec(100, ["/bin/b"]);
    kernel.deliver();
    assert.equal(seen, ["fork 10 100", "exec 100 /bin/a", "record 100 /bin/a", "exec 100 /bin/b", "record 100 /bin/b"]);
  }),
);

test(
  "signals and names",
  withCache(({ kernel, cache, seen, exits, fork, exit }) => {
    fork(10, 100);
    kernel.emit("task/task_rename", { pid: 100, oldcomm: "sh", newcomm: "new name" }, { pid: 100 });
    kernel.emit("signal/signal_generate", { sig: 15, pid: 100, result: 0 }, { pid: 10 });
    kernel.emit("signal/signal_deliver", { sig: 9 }, { pid: 100 });
    exit(100, undefined);
    kernel.deliver();
    assert.equal(seen, ["fork 10 100", "update 100 command", "exit 100 15"]);
    assert.is(exits[0]?.signal, 15);
    assert.is(cache.lookupTask(100).command, "new name");
  }),
);

test(
  "a core dump, of which the signal to the parent tells",
  withCache(({ kernel, seen, exits, fork, exit }) => {
    fork(10, 100);
    kernel.emit("signal/signal_deliver", { sig: 11 }, { pid: 100 });
    exit(100, undefined);
    kernel.deliver();
    assert.equal(seen, ["fork 10 100"]);
    kernel.emit("signal/signal_generate", { sig: 17, code: 3, pid: 10, result: 1 }, { pid: 100 });
    kernel.deliver();
    assert.equal(seen, ["fork 10 100", "exit 100 139"]);
    assert.is(exits[0]?.coreDumped, true);
  }),
);

test(
  "an end of which more could have been said is told before the monitor stops",
  withCache(async ({ kernel, monitor, seen, exits, fork, exit }) => {
    fork(10, 100);
    kernel.emit("signal/signal_deliver", { sig: 11 }, { pid: 100 });
    exit(100, undefined);
    kernel.deliver();
    assert.equal(seen, ["fork 10 100"]);
    await monitor.stop();
    assert.equal([seen[1], exits[0]?.signal, exits[0]?.coreDumped], ["exit 100 11", 11, undefined]);
  }),
);

test(
  "the filters let only fatal signals through",
  withCache(({ kernel }) => {
    const filters = [...kernel.source.events.values()]
      .map(({ filter }) => filter)
      .filter((each) => each.includes("sig"));
    assert.equal(filters, [
      "(sig < 17 || sig > 23) && sig != 28 && sa_handler == 0",
      "((sig < 17 || sig > 23) && sig != 28 && (result == 0 || result == 4)) || (sig == 17 && (code == 2 || code == 3))",
    ]);
  }),
);

test(
  "a dump without the arguments: they come from /proc if it is still the same program",
  withCache(
    ({ kernel, execs, fork }) => {
      const argv = ["/bin/long", "x".repeat(500), "end"];
      for (const pid of [100, 101]) {
        fork(10, pid);
        const values = { filename: "/bin/long", pid, old_pid: pid };
        const pointer = 0x7ffd_0000_1000n;
        kernel.emit("sched/sched_process_exec", values, { pid, sample: execSample({ argv, valid: 200, pointer }) });
      }
      kernel.deliver();
      assert.equal([execs[0]?.commandLine, execs[0]?.truncated], [argv, false]);
      assert.is(execs[0]?.task.origin("commandLine").source, "procfs");
      assert.equal([execs[1]?.commandLine, execs[1]?.truncated], [[], true]);
      assert.is(execs[1]?.task.origin("commandLine").complete, false);
    },
    {
      populate: (proc) => {
        const argv = ["/bin/long", "x".repeat(500), "end"];
        proc.add(100, { argv, startStack: 0x7ffd_0000_1000n, startTick: 99999 });
        proc.add(101, { argv, startStack: 0x7ffd_0000_2000n, startTick: 99999 });
      },
    },
  ),
);

test(
  "without a user stack an exec is told of with what is known",
  withCache(({ kernel, cache, execs, fork }) => {
    fork(10, 100);
    kernel.emit("sched/sched_process_exec", { filename: "/bin/x", pid: 100, old_pid: 100 }, { pid: 100 });
    kernel.deliver();
    assert.equal([execs[0]?.filename, execs[0]?.commandLine, execs[0]?.truncated], ["/bin/x", [], true]);
    assert.is(cache.stats().truncatedExecs, 1);
  }),
);

test(
  "before the first event of a task it is read from /proc, once; lookups never throw",
  withCache(({ proc, cache }) => {
    const shell = cache.lookupTask(10);
    assert.equal([shell.command, shell.commandLine, shell.creds?.uid], ["sh", ["/bin/sh", "-i"], 1000]);
    assert.equal(shell.origin("commandLine"), { source: "procfs", complete: true });
    assert.is(shell.processId, "62d6e022fde8-10-1");
    proc.add(50, { parentPid: 10 });
    const reads = cache.stats().procReads;
    assert.is(cache.lookupTask(50).parent, shell);
    assert.is(cache.lookupTask(50).command, "proc-50");
    assert.is(cache.stats().procReads, reads + 1);
    const nobody = cache.lookupTaskAndLeader(4_000_000);
    assert.equal([nobody.task.pid, nobody.task.command, nobody.leader], [4_000_000, "", nobody.task]);
    for (const pid of [0, -1, 2 ** 31, Number.NaN]) assert.ok(cache.lookupTask(pid));
  }),
);

test(
  "who had a pid at a time",
  withCache(({ kernel, monitor, cache, fork, exit }) => {
    const time = () => Number(kernel.clock.now - monitor.clock.origin);
    fork(10, 100);
    const during = time();
    exit(100, 1);
    kernel.clock.advance(1_000_000_000);
    fork(10, 100);
    kernel.deliver();
    const [earlier, now] = [cache.lookup(100, { at: during }), cache.lookup(100)];
    assert.is.not(earlier, now);
    assert.equal([earlier.exitStatus, now.exitStatus], [256, undefined]);
    assert.is(cache.lookup(100, { at: time() }), now);
  }),
);

test(
  "threads of a process",
  withCache(({ kernel, cache, seen, fork, exit }) => {
    fork(10, 100);
    fork(100, 101, 0x10000);
    fork(100, 102, 0x10000);
    kernel.deliver();
    const { task, leader } = cache.lookupTaskAndLeader(102);
    assert.equal([task.pid, leader.pid], [102, 100]);
    assert.equal(
      cache.threads(task).map(({ pid }) => pid),
      [100, 101, 102],
    );
    exit(100, 0, { group_dead: false });
    exit(100, undefined, { tid: 101, group_dead: false });
    kernel.deliver();
    assert.equal(
      cache.threads(leader).map(({ pid }) => pid),
      [102],
    );
    exit(100, 7, { tid: 102 });
    kernel.deliver();
    assert.equal(seen.slice(3), ["exit 100 1792"]);
  }),
);

test(
  "the end of a process is told even if that of a thread is not",
  withCache(async ({ kernel, seen, fork, exit }) => {
    fork(10, 100);
    fork(100, 101, 0x10000);
    exit(100, 5);
    kernel.deliver();
    assert.is(seen.length, 2);
    kernel.clock.advance(2_000_000_000);
    fork(10, 200);
    kernel.deliver();
    kernel.clock.advance(1000);
    await new Promise((resolve) => setTimeout(resolve, 5));
    assert.equal(seen.slice(2), ["fork 10 200", "exit 100 1280"]);
  }),
);

test(
  "a container is what the lookup function says",
  withCache(
    ({ cache, kernel, fork }) => {
      const info = { name: "web" };
      fork(10, 100);
      fork(100, 101, 0x10000);
      kernel.deliver();
      assert.equal(cache.lookupTaskContainerInfo(cache.lookupTask(101)), { id: "id-100", info });
      assert.equal([cache.lookupTask(101).containerId, cache.lookupTask(101).containerInfo], ["id-100", info]);
      assert.is(cache.lookupTaskContainerInfo(cache.lookupTask(10)), undefined);
      assert.is(cache.lookupTask(10).containerId, "");
    },
    {
      cache: {
        containerOf: (task) => (task.pid === 10 ? undefined : { id: `id-${task.pid}`, info: { name: "web" } }),
      },
    },
  ),
);

test(
  "a kernel that does not tell who was last: threads are counted",
  withCache(
    ({ kernel, seen, fork, exit }) => {
      fork(10, 100);
      fork(100, 101, 0x10000);
      exit(100, 0);
      kernel.deliver();
      assert.is(seen.length, 2);
      exit(100, 4, { tid: 101 });
      kernel.deliver();
      assert.equal(seen.slice(2), ["exit 100 1024"]);
    },
    { kernel: { formats: { "sched/sched_process_exit": exitFormatOf6_12() } } },
  ),
);

test(
  "a kernel without signal tracepoints is told of, and served",
  withCache(
    ({ kernel, cache, exits, fork, exit }) => {
      assert.equal(cache.missing, ["signal/signal_deliver", "signal/signal_generate"]);
      fork(10, 100);
      exit(100, undefined);
      kernel.deliver();
      assert.equal([exits[0]?.signal, exits[0]?.certain], [undefined, false]);
    },
    { kernel: { formats: { "signal/signal_generate": undefined, "signal/signal_deliver": undefined } } },
  ),
);

test("a kernel without exec's tracepoint is refused, and nothing stays registered", async () => {
  using proc = new FakeProc();
  const kernel = new FakeKernel({ formats: { "sched/sched_process_exec": undefined } });
  await using monitor = await kernel.openMonitor();
  await rejects(() => ProcessInfoCache.open(monitor, { procRoot: proc.root }), /sched_process_exec/);
  assert.is(kernel.source.events.size, 0);
});

test("what is not /proc, and options out of range, are refused before anything is registered", async () => {
  const kernel = new FakeKernel();
  await using monitor = await kernel.openMonitor();
  await rejects(
    () => ProcessInfoCache.open(monitor, { procRoot: "/nonexistent" }),
    /^open\(\/nonexistent\): .+ – proc/,
  );
  for (const option of [{ maxExited: -1 }, { grace: Number.NaN }, { maxArguments: 0 }, { scanSlice: 2 ** 31 }]) {
    const error = await rejects(() => ProcessInfoCache.open(monitor, option), /^open\(\w+\): .+ – must be/);
    assert.ok(error instanceof ProcessCacheError && error.code === "invalid");
  }
  assert.is(kernel.source.events.size, 0);
});

test("close gives back what was registered, and leaves the monitor as it was", async () => {
  using proc = new FakeProc();
  const kernel = new FakeKernel({ functions: [], formats: cgroupFormats });
  await using monitor = await kernel.openMonitor();
  let records = 0;
  await monitor.registerTracepoint("sched/sched_process_exec", () => records++);
  const cache = await ProcessInfoCache.open(monitor, { procRoot: proc.root });
  assert.is(kernel.source.events.size, 12);
  const running = monitor.run();
  await Promise.all([cache.close(), cache.close()]);
  await cache.close();
  assert.is(kernel.source.events.size, 1);
  kernel.emit("sched/sched_process_exec", { pid: 1 }, { pid: 1 });
  kernel.deliver();
  assert.is(records, 1);
  await monitor.stop();
  await running;
});

test(
  "after a loss, processes that are gone are ended",
  withCache(async ({ kernel, proc, cache, fork }) => {
    proc.add(100, {});
    fork(10, 100);
    fork(10, 101);
    kernel.deliver();
    kernel.clock.advance(10_000_000_000);
    const [event] = kernel.source.events.values();
    event!.counts = [{ cpu: 0, pid: -1, value: 9n, timeEnabled: 0n, timeRunning: 0n, lost: 5n }];
    fork(10, 102);
    kernel.deliver();
    for (let turn = 0; turn < 1000 && cache.stats().swept === 0; turn++) {
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    assert.is(cache.stats().swept, 1);
    assert.is(cache.lookupTask(100).exitTime, undefined);
    assert.ok(cache.lookupTask(101).exitTime !== undefined);
    assert.is(cache.lookupTask(101).exitStatus, undefined);
  }),
);

function exitFormatOf6_12(): string {
  return new FakeKernel().tracing.formatOf("sched/sched_process_exit@6.12");
}

async function rejects(action: () => Promise<unknown>, pattern: RegExp): Promise<unknown> {
  try {
    await action();
  } catch (error) {
    assert.match((error as Error).message, pattern);
    return error;
  }
  return assert.unreachable("did not reject");
}

test.run();
