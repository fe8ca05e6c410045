import { test } from "uvu";
import * as assert from "uvu/assert";
import { PerfError } from "./errors.js";
import { thisProcess } from "./probe-owner.js";
import { FakeKernel } from "./testing/index.js";

interface Open {
  path: string;
  flags: number;
}

const open = { path: "+0($arg2):ustring", flags: "$arg3:s32" };

function lines(kernel: FakeKernel): string[] {
  return [...kernel.tracing.probes.probes.values()].map(({ line }) => line.replace(/kernscope\/\S+/, "NAME"));
}

async function runAndStop(monitor: { run(): Promise<void>; stop(): Promise<void> }): Promise<void> {
  const run = monitor.run();
  await monitor.stop();
  await run;
}

test("a probe is a trace event with the fields that were asked for", async () => {
  const kernel = new FakeKernel();
  await using monitor = await kernel.openMonitor();
  const seen: unknown[] = [];
  const id = await monitor.registerKprobe<Open>(
    "do_sys_openat2",
    (record, { path, flags }) => seen.push(record.pid, path, flags),
    { args: open },
  );
  await monitor.registerKprobe<{ result: number }>("do_sys_openat2", (_, { result }) => seen.push(result), {
    onReturn: true,
    maxActive: 32,
    args: { result: "$retval:s32" },
  });
  assert.equal(lines(kernel), [
    "p:NAME do_sys_openat2 path=+0($arg2):ustring flags=$arg3:s32",
    "r32:NAME do_sys_openat2 result=$retval:s32",
  ]);
  assert.equal(
    monitor.fields(id).map(({ name, kind }) => `${name} ${kind}`),
    ["__probe_ip integer", "path string", "flags integer"],
  );
  kernel.emit("kprobe:do_sys_openat2", { path: "/etc/passwd", flags: -1 }, { pid: 12 });
  kernel.emit("kretprobe:do_sys_openat2", { result: -2 });
  await runAndStop(monitor);
  assert.equal(seen, [12, "/etc/passwd", -1, -2]);
  await monitor.unregister(id);
  assert.equal(lines(kernel), ["r32:NAME do_sys_openat2 result=$retval:s32"]);
  await monitor.close();
  assert.equal(lines(kernel), []);
});

test("a probe that cannot be removed keeps nothing else from being given back", async () => {
  const kernel = new FakeKernel();
  const monitor = await kernel.openMonitor();
  const id = await monitor.registerKprobe("vfs_read", () => {});
  await monitor.registerKprobe("vfs_write", () => {});
  kernel.tracing.append = async (file) => {
    throw new PerfError("system", { operation: file, cause: "EIO", errno: "EIO" });
  };
  let closed = 0;
  kernel.tracing.close = async () => {
    closed++;
  };
  assert.match((await monitor.unregister(id).catch((error) => error)).message, /EIO/);
  assert.is(kernel.source.events.size, 1);
  assert.is((await monitor.loss()).events.length, 1);
  assert.match((await monitor.close().catch((error) => error)).message, /EIO/);
  assert.equal([kernel.source.closed, closed], [true, 1]);
});

test("missed probes: their hits are in the account, over unregistering too", async () => {
  const kernel = new FakeKernel();
  await using monitor = await kernel.openMonitor();
  let told = 0;
  monitor.onLoss(() => told++);
  const id = await monitor.registerKprobe("vfs_read", () => {});
  kernel.emit("kprobe:vfs_read");
  kernel.emit("kprobe:vfs_read", {}, { missed: true });
  await runAndStop(monitor);
  const { total, events } = await monitor.loss();
  assert.equal(events[0]?.probe, { reached: 1n, missed: 1n });
  assert.equal([total.hits, total.missed, told], [1n, 1n, 1]);
  await monitor.unregister(id);
  const after = await monitor.loss();
  assert.equal(after.total, total);
});

test("what dead processes left is swept with the first trace event, also where it is no probe; what living ones have stays", async () => {
  const kernel = new FakeKernel();
  const { namespace, pid, startTime } = await thisProcess();
  const kept = {
    alive: `kernscope/p${namespace}_${pid}_${startTime}_00000000_0`,
    foreign: "kprobes/p_vfs_read_0",
    unknown: "kernscope/other",
  };
  const dead = [`p${namespace}_${pid}_1_00000000_1`, `p${namespace}_4194304_${startTime}_00000000_1`];
  const { tracing } = kernel;
  for (const name of [...Object.values(kept), ...dead.map((name) => `kernscope/${name}`)]) {
    await tracing.append("kprobe_events", `p:${name} vfs_read`);
  }
  await tracing.append("uprobe_events", `r:kernscope/p${namespace}_${pid}_1_00000000_2 /bin/sh:0x10`);
  await using monitor = await kernel.openMonitor();
  await monitor.registerTracepoint("sched/sched_process_exit", () => {});
  assert.equal([...tracing.probes.probes.keys()].sort(), Object.values(kept).sort());
  const id = await monitor.registerKprobe("vfs_read", () => {});
  assert.is(tracing.probes.probes.size, 4);
  await monitor.unregister(id);
  assert.is(tracing.probes.probes.size, 3);
});

test("rejected requests leak kernel resources: what is refused leaves nothing behind", async () => {
  const kernel = new FakeKernel({ functions: ["vfs_read"] });
  await using monitor = await kernel.openMonitor();
  const codeOf = (promise: Promise<unknown>) =>
    promise.then(
      () => "none",
      (error) => error.code,
    );
  assert.is(await codeOf(monitor.registerKprobe("vfs_write", () => {})), "not_found");
  assert.is(await codeOf(monitor.registerKprobe("vfs_read\nvfs_write", () => {})), "invalid");
  assert.is(await codeOf(monitor.registerKprobe("vfs_read", () => {}, { args: { a: "$arg1 b=%di" } })), "invalid");
  assert.is(await codeOf(monitor.registerKprobe("vfs_read", () => {}, { filter: "a\0" })), "invalid");
  assert.is(await codeOf(monitor.registerKprobe("vfs_read", () => {}, { sample: { userStack: 7 } })), "invalid");
  kernel.source.onOpen = () => {
    throw new Error("refused");
  };
  assert.is(await codeOf(monitor.registerKprobe("vfs_read", () => {})), "system");
  assert.equal(lines(kernel), []);
  const none = new FakeKernel({ functions: [] });
  await using other = await none.openMonitor();
  assert.is(await codeOf(other.registerKprobe("vfs_read", () => {})), "unsupported");
});

test("closing while a probe is registered leaves none", async () => {
  const kernel = new FakeKernel();
  const monitor = await kernel.openMonitor();
  const registering = monitor.registerKprobe("vfs_read", () => {}).catch((error) => error.code);
  await monitor.close();
  assert.is(await registering, "closed");
  assert.equal(lines(kernel), []);
  assert.is(await monitor.registerKprobe("vfs_read", () => {}).catch((error) => error.code), "closed");
});

test("a probe that is in use for a moment is removed when it is free", async () => {
  const kernel = new FakeKernel();
  await using monitor = await kernel.openMonitor();
  const id = await monitor.registerKprobe("vfs_read", () => {});
  const { tracing } = kernel;
  const append = tracing.append.bind(tracing);
  let busy = 2;
  tracing.append = async (file, line) => {
    if (busy-- > 0) throw new PerfError("busy", { operation: file, cause: "EBUSY", errno: "EBUSY" });
    return append(file, line);
  };
  await monitor.unregister(id);
  assert.equal(lines(kernel), []);
});

test.run();
