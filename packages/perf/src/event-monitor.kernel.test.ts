import { execFileSync, spawn, spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { Worker } from "node:worker_threads";
import { requires } from "@kernscope/test-support";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { EventMonitor } from "./event-monitor.js";
import { decodeObject } from "./field-decoder.js";
import { monitorContract } from "./monitor-contract.test.suite.js";
import { UserRegister } from "./registers.js";
import { findMounts } from "./tracefs.js";

const onKernel = requires({ perf: true });
const comm = readFileSync("/proc/self/comm", "utf8").trim();
const here = new URL("index.js", import.meta.url).href;

monitorContract(onKernel, {
  open: (options) => EventMonitor.open(options),
  rename: (name) => writeFileSync("/proc/self/comm", name),
});

onKernel("filters: in the kernel, replaced at run time, refused when wrong", async () => {
  writeFileSync("/proc/self/comm", comm);
  await using monitor = await EventMonitor.open();
  const seen: unknown[] = [];
  const filter = 'newcomm == "ks-yes"';
  const id = await monitor.registerTracepoint("task/task_rename", (_, { newcomm }) => seen.push(newcomm), { filter });
  const rename = (name: string) => writeFileSync("/proc/self/comm", name);
  rename("ks-yes");
  rename("ks-no");
  await monitor.setFilter(id, 'newcomm == "ks-other"');
  rename("ks-yes");
  rename("ks-other");
  await monitor.disable();
  const run = monitor.run();
  await monitor.stop();
  await run;
  assert.equal(seen, ["ks-yes", "ks-other"]);
  const error = await monitor.setFilter(id, "nonsense ==").catch((error) => error);
  assert.is(error.code, "invalid");
  assert.match(error.message, /^PERF_EVENT_IOC_SET_FILTER\(task\/task_rename, "nonsense ==", cpu \d+\): EINVAL – /);
  const refused = await monitor
    .registerTracepoint("task/task_rename", () => {}, { filter: "x" })
    .catch((error) => error);
  assert.is(refused.code, "invalid");
  assert.is((await monitor.loss()).events.length, 1);
});

onKernel("an exec with its stack, registers, cgroup and data", async () => {
  await using monitor = await EventMonitor.open();
  const registers = UserRegister[process.arch as "x64" | "arm64"];
  const seen: string[] = [];
  await monitor.registerTracepoint(
    "sched/sched_process_exec",
    (record, data) => {
      if (data.filename !== "/bin/echo") return;
      const { userStack } = record;
      const sp = record.userRegister(registers.SP);
      if (userStack === undefined || sp === undefined) return;
      const view = new DataView(userStack.buffer, userStack.byteOffset, userStack.length);
      assert.is(view.getBigUint64(0, true), 3n, "argc");
      // argv[2] points into the dump, if the dump reaches that far.
      const at = Number(view.getBigUint64(24, true) - sp);
      if (at < userStack.length) seen.push(Buffer.from(userStack.subarray(at, at + 6)).toString());
      assert.is(record.pid, data.pid);
      assert.is(record.userRegistersAbi, 2);
      assert.equal(Object.keys(decodeObject(data)), ["filename", "pid", "old_pid"]);
    },
    { sample: { userRegisters: 1n << BigInt(registers.SP), userStack: 16_384, cgroup: true }, ringSize: 1 << 20 },
  );
  for (let round = 0; round < 5; round++) execFileSync("/bin/echo", ["one", "second"]);
  const run = monitor.run();
  await monitor.stop();
  await run;
  assert.ok(seen.length > 0);
  for (const text of seen) assert.is(text, "second");
});

onKernel("flood to overflow the ring: hits = delivered + lost, per event, exactly", async () => {
  await using monitor = await EventMonitor.open({ ringSize: 8 * 4096, spanSize: 256 * 1024 });
  let told = 0;
  monitor.onLoss(() => told++);
  const filter = "count == 1";
  await monitor.registerTracepoint("syscalls/sys_enter_write", () => {}, { filter });
  await monitor.registerTracepoint("syscalls/sys_enter_read", () => {}, { filter });
  const run = monitor.run();
  const flood = spawn("dd", ["if=/dev/zero", "of=/dev/null", "bs=1", "count=200000"], { stdio: "ignore" });
  const over = new Promise((resolve) => flood.on("exit", resolve));
  // Without JavaScript the span memory is soon full, then the rings.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 150);
  await over;
  await monitor.disable();
  await monitor.stop();
  await run;
  const { total, events, ringLost } = await monitor.loss();
  for (const { name, hits, lost, delivered } of events) {
    assert.ok(hits >= 200_000n, `${name}: ${hits} hits`);
    if (lost !== undefined) assert.is(hits, BigInt(delivered) + lost, name);
  }
  if (total.lost !== undefined) {
    assert.ok(total.lost > 0n, "nothing was lost: no flood");
    assert.ok(BigInt(ringLost) <= total.lost);
  }
  assert.ok(told > 0);
});

onKernel("registering and unregistering while events flow loses nothing that belongs to others", async () => {
  // All of the flood fits into the rings: what is lost is not for want of room, however slow the machine is.
  await using monitor = await EventMonitor.open({ ringSize: 16 << 20 });
  await monitor.registerTracepoint("syscalls/sys_enter_write", () => {}, { filter: "count == 1" });
  const run = monitor.run();
  const flood = spawn("dd", ["if=/dev/zero", "of=/dev/null", "bs=1", "count=100000"], { stdio: "ignore" });
  const over = new Promise((resolve) => flood.on("exit", resolve));
  for (let round = 0; round < 5; round++) {
    const id = await monitor.registerTracepoint("syscalls/sys_enter_read", () => {}, { filter: "count == 1" });
    await monitor.unregister(id);
  }
  await over;
  await monitor.disable();
  await monitor.stop();
  await run;
  const { events, total } = await monitor.loss();
  assert.is(events.length, 1);
  assert.is(events[0]?.hits, BigInt(events[0]?.delivered ?? 0) + (events[0]?.lost ?? 0n));
  assert.is(events[0]?.lost ?? 0n, 0n);
  assert.ok(total.hits >= 100_000n);
});

onKernel("processes as targets: with their threads and children, and nobody else", async () => {
  const child = spawn("sh", ["-c", "read x; /bin/true; /bin/true"], { stdio: ["pipe", "ignore", "ignore"] });
  const pid = child.pid ?? 0;
  await using monitor = await EventMonitor.open({ pids: [pid] });
  const seen: number[] = [];
  await monitor.registerTracepoint<{ filename: string }>("sched/sched_process_exec", (record, { filename }) => {
    assert.is(filename, "/bin/true");
    seen.push(record.pid);
  });
  spawnSync("/bin/false");
  const over = new Promise((resolve) => child.on("exit", resolve));
  child.stdin?.end("\n");
  await over;
  const run = monitor.run();
  await monitor.stop();
  await run;
  assert.is(seen.length, 2);
});

const cgroup2 = findMounts(readFileSync("/proc/self/mountinfo", "utf8"), "cgroup2")[0];

onKernel("cgroups as targets", async () => {
  assert.ok(cgroup2 !== undefined, "cgroup v2 is not mounted");
  const directory = `${cgroup2}/kernscope-test-${process.pid}`;
  mkdirSync(directory);
  try {
    await using monitor = await EventMonitor.open({ cgroups: [directory] });
    const seen: string[] = [];
    await monitor.registerTracepoint<{ filename: string }>(
      "sched/sched_process_exec",
      (record, { filename }) => {
        seen.push(filename);
        assert.ok(record.cgroup > 0);
      },
      { sample: { cgroup: true } },
    );
    spawnSync("/bin/false");
    execFileSync("sh", ["-c", `echo $$ > ${directory}/cgroup.procs; exec /bin/echo`], { stdio: "ignore" });
    const run = monitor.run();
    await monitor.stop();
    await run;
    assert.equal(seen, ["/bin/echo"]);
  } finally {
    rmdirSync(directory);
  }
});

/** What a closed monitor must have given back. */
function holdings() {
  return {
    descriptors: readdirSync("/proc/self/fd").length,
    rings: readFileSync("/proc/self/maps", "utf8").match(/anon_inode:\[perf_event\]/g)?.length ?? 0,
    threads: readdirSync("/proc/self/task").length,
  };
}

onKernel("closing gives everything back", async () => {
  const cycle = async () => {
    const monitor = await EventMonitor.open({ ringSize: 16 * 4096, spanSize: 256 * 1024 });
    await monitor.registerTracepoint("task/task_rename", () => {}, { ringSize: 4 * 4096 });
    await monitor.registerTracepoint("task/task_newtask", () => {});
    const run = monitor.run();
    assert.ok(holdings().rings >= 2 * monitor.cpus.length);
    await monitor.close();
    await run;
  };
  /** A thread is still listed for a moment after it has said its last. */
  const settled = async () => {
    await new Promise((resolve) => setTimeout(resolve, 200));
    return holdings();
  };
  await cycle();
  const before = await settled();
  for (let round = 0; round < 5; round++) await cycle();
  assert.equal(await settled(), before);
});

onKernel("a process ends by itself, at every step of a monitor's life", () => {
  const steps = {
    opened: "",
    registered: "await register();",
    disabled: "await register(); await monitor.disable();",
    stopped: "await register(); const run = monitor.run(); await monitor.stop(); await run;",
    unreferenced: "await register(); monitor.unref(); monitor.run();",
    "unreferenced later": "await register(); monitor.run(); await monitor.loss(); monitor.unref();",
    closed: "await register(); monitor.run(); await monitor.close();",
    closing: "await register(); monitor.run(); monitor.close();",
    failed: "await register(() => { throw new Error('x') }); await monitor.run().catch(() => {});",
  };
  for (const [step, code] of Object.entries(steps)) {
    const program = `
      const { EventMonitor } = await import(${JSON.stringify(here)});
      const { writeFileSync } = await import("node:fs");
      const monitor = await EventMonitor.open();
      const register = async (handler = () => {}) => {
        await monitor.registerTracepoint("task/task_rename", handler);
        writeFileSync("/proc/self/comm", "step");
      };
      ${code}`;
    const { status, signal, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", program], {
      timeout: 20_000,
      encoding: "utf8",
    });
    assert.equal({ step, status, signal, stderr }, { step, status: 0, signal: null, stderr: "" });
  }
});

onKernel("a running monitor keeps the process alive", () => {
  const program = `
    const { EventMonitor } = await import(${JSON.stringify(here)});
    const monitor = await EventMonitor.open();
    monitor.run();
    setTimeout(() => { console.log("alive"); monitor.unref(); }, 100).unref();`;
  const { status, stdout } = spawnSync(process.execPath, ["--input-type=module", "-e", program], {
    timeout: 20_000,
    encoding: "utf8",
  });
  assert.equal([status, stdout], [0, "alive\n"]);
});

onKernel("it works in a worker thread", async () => {
  const worker = new Worker(
    `const { parentPort } = require("node:worker_threads");
     import(${JSON.stringify(here)}).then(async ({ EventMonitor }) => {
       const monitor = await EventMonitor.open();
       await monitor.registerTracepoint("task/task_rename", (record, { newcomm }) => {
         if (newcomm === "ks-worker") parentPort.postMessage(newcomm);
       });
       const run = monitor.run();
       require("node:fs").writeFileSync("/proc/self/comm", "ks-worker");
       await monitor.stop();
       await run;
       await monitor.close();
     });`,
    { eval: true },
  );
  const messages: unknown[] = [];
  worker.on("message", (message) => messages.push(message));
  const status = await new Promise((resolve, reject) => worker.on("exit", resolve).on("error", reject));
  assert.is(status, 0);
  assert.equal(messages, ["ks-worker"]);
});

test.run();
