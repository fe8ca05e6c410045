import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readFileSync } from "node:fs";
import { requires } from "@kernscope/test-support";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { PerfError } from "./errors.js";
import { EventMonitor } from "./event-monitor.js";
import { Random, randomBytesOf } from "./testing/random.js";
import { Tracefs } from "./tracefs.js";

const onKernel = requires({ perf: true, kprobes: true });
const here = new URL("index.js", import.meta.url).href;
/** System calls of this thread alone. */
const ours = `common_pid == ${process.pid}`;

async function probeLines(file = "kprobe_events"): Promise<string[]> {
  const tracefs = await Tracefs.open();
  try {
    return (await tracefs.read(file)).split("\n").filter((line) => line !== "");
  } finally {
    await tracefs.close();
  }
}

async function finish(monitor: EventMonitor): Promise<void> {
  await monitor.disable();
  const run = monitor.run();
  await monitor.stop();
  await run;
}

async function errorOf(promise: Promise<unknown>): Promise<PerfError> {
  return promise.then(
    () => assert.unreachable("it did not reject"),
    (error) => error,
  );
}

/** Opens files that are not there; the kernel is told of every one. */
function openMissing(count: number): string[] {
  return Array.from({ length: count }, (_, index) => {
    const path = `/ks-missing-${index}`;
    assert.throws(() => openSync(path, "r"));
    return path;
  });
}

onKernel("entry and return of a function: every call, with its arguments, strings and result", async () => {
  const before = await probeLines();
  await using monitor = await EventMonitor.open();
  const entered: unknown[] = [];
  const returned: unknown[] = [];
  const filter = `${ours} && path ~ "/ks-*"`;
  const id = await monitor.registerKprobe<{ path: string; fd: number; flags: number; comm: string; first: number }>(
    "do_sys_openat2",
    (record, { path, fd, flags, comm, first }) => entered.push([record.tid, path, fd, flags & 0xfff, comm, first]),
    {
      args: {
        path: "+0($arg2):ustring",
        fd: "$arg1:s32",
        flags: "+0($arg3):u64",
        comm: "$comm",
        first: "+u0($arg2):u8",
      },
      filter,
    },
  );
  await monitor.registerKprobe<{ result: number }>("do_sys_openat2", (_, { result }) => returned.push(result), {
    onReturn: true,
    maxActive: 64,
    args: { result: "$retval:s32" },
    filter: ours,
  });
  assert.is((await probeLines()).length, before.length + 2);
  const expected = openMissing(50);
  const fd = openSync("/dev/null", "r");
  closeSync(fd);
  await finish(monitor);
  const comm = readFileSync("/proc/self/comm", "utf8").trim();
  assert.equal(
    entered,
    expected.map((path) => [process.pid, path, -100, 0, comm, "/".charCodeAt(0)]),
  );
  assert.equal(returned, [...expected.map(() => -2), fd]);
  const { events, total } = await monitor.loss();
  for (const event of events) {
    assert.is(event.hits, BigInt(event.delivered) + (event.lost ?? 0n), event.name);
    assert.ok((event.probe?.reached ?? 0n) >= event.hits, "all that open files reach the probe");
  }
  assert.equal(
    events.map(({ name }) => name),
    ["kprobe:do_sys_openat2", "kretprobe:do_sys_openat2"],
  );
  assert.is(total.missed, 0n);
  assert.ok(monitor.fields(id).some(({ name }) => name === "__probe_ip"));
  await monitor.close();
  assert.equal(await probeLines(), before);
});

onKernel("arrays, bit-fields, immediates, symbols and offsets", async () => {
  await using monitor = await EventMonitor.open();
  const seen: unknown[] = [];
  await monitor.registerKprobe<{
    head: Uint16Array;
    low: number;
    five: number;
    at: number;
    word: bigint;
    flags: number;
  }>("do_sys_openat2", (_, { head, low, five, at, word, flags }) => seen.push({ head, low, five, at, word, flags }), {
    args: {
      head: "+0($arg3):u16[2]",
      low: "+u0($arg2):b4@0/8",
      five: "\\5:u8",
      at: "$arg1:s32",
      word: "+u0($arg2):x64",
      flags: "+0($arg3):u32",
    },
    filter: ours,
  });
  openMissing(1);
  await finish(monitor);
  const bytes = Buffer.from("/ks-miss");
  // O_CLOEXEC and, which the kernel adds, O_LARGEFILE.
  const flags = 0o2_000_000 | (process.arch === "x64" ? 0o100_000 : 0o400_000);
  assert.equal(seen, [
    {
      head: Uint16Array.of(flags & 0xffff, flags >>> 16),
      low: (bytes[0] ?? 0) & 15,
      five: 5,
      at: -100,
      word: bytes.readBigUInt64LE(),
      flags,
    },
  ]);
});

onKernel("a symbol with an offset, a module's, and an address", async () => {
  await using monitor = await EventMonitor.open();
  const address = /^([0-9a-f]{16}) [tT] do_sys_openat2$/m.exec(readFileSync("/proc/kallsyms", "latin1"))?.[1];
  let hits = 0;
  await monitor.registerKprobe(`0x${address}`, () => hits++, { filter: ours });
  await monitor.registerKprobe("do_sys_openat2+0x0", () => hits++, { filter: ours });
  openMissing(3);
  await finish(monitor);
  assert.is(hits, 6);
  const inside = await errorOf(monitor.registerKprobe("do_sys_openat2+0x1", () => {}));
  assert.is(inside.code, "invalid");
});

onKernel("errors say what the kernel has against it", async () => {
  const before = await probeLines();
  await using monitor = await EventMonitor.open();
  const none = await errorOf(monitor.registerKprobe("ks_no_such_function", () => {}));
  assert.is(none.code, "not_found");
  assert.match(none.message, /^kprobe_events\(kprobe:ks_no_such_function\): E(NOENT|INVAL)(: .+)? – /);
  const argument = await errorOf(monitor.registerKprobe("vfs_read", () => {}, { args: { a: "%nope" } }));
  assert.is(argument.code, "invalid");
  assert.match(argument.message, /EINVAL: .*[Rr]egister|EINVAL: Invalid/);
  const filter = await errorOf(monitor.registerKprobe("vfs_read", () => {}, { filter: "nope ==" }));
  assert.is(filter.code, "invalid");
  const twice = await errorOf(monitor.registerKprobe("vfs_read", () => {}, { args: { common_pid: "%di" } }));
  assert.is(twice.code, "invalid");
  assert.equal(await probeLines(), before);
});

onKernel("missed probes: returns beyond maxActive are counted, as kprobe_profile has them", async () => {
  await using monitor = await EventMonitor.open();
  await monitor.registerKprobe("hrtimer_nanosleep", () => {}, { onReturn: true, maxActive: 1 });
  // An emulated CPU takes half a second and more to start each.
  const seconds = process.env.KERNSCOPE_VM === undefined ? "0.5" : "8";
  const sleepers = Array.from({ length: 4 }, () => once(spawn("sleep", [seconds]), "exit"));
  await Promise.all(sleepers);
  await finish(monitor);
  const { events, total } = await monitor.loss();
  assert.ok(total.missed >= 2n, `${total.missed} missed`);
  assert.is(events[0]?.probe?.missed, total.missed);
  const [line = ""] = (await probeLines("kprobe_profile")).filter((each) => each.includes(`_${process.pid}_`));
  assert.is(/(\d+)\s*$/.exec(line)?.[1], `${total.missed}`);
  assert.is(events[0]?.hits, BigInt(events[0]?.delivered ?? 0));
});

onKernel("text injection into probe files: a line that was asked for and no other, or nothing", async () => {
  const random = new Random(20_251);
  await using monitor = await EventMonitor.open();
  const before = await probeLines();
  const pieces = [
    "+0($arg2):ustring",
    "$arg1:u64",
    "%di:x8[4]",
    "$stack1",
    "$comm:string",
    "@jiffies:u32",
    "-8(%sp):u16",
  ];
  let made = 0;
  for (let round = 0; round < 150; round++) {
    const text = [...random.pick(pieces)];
    for (let change = random.below(3); change > 0; change--) {
      const byte = Buffer.from(randomBytesOf(random, 1)).toString("latin1");
      text.splice(random.below(text.length + 1), random.below(2), random.pick([byte, "\n", " ", "0", "-:", "1"]));
    }
    const expression = text.join("");
    const id = await monitor
      .registerKprobe("vfs_read", () => {}, { args: { a: expression }, enabled: false })
      .catch((error) => void assert.ok(["invalid", "not_found"].includes(error.code), String(error)));
    const added = (await probeLines()).filter((line) => !before.includes(line));
    if (id === undefined) {
      assert.equal(added, [], JSON.stringify(expression));
      continue;
    }
    made++;
    assert.is(added.length, 1);
    assert.match(added[0] ?? "", /^p:kernscope\/p[0-9a-f_]+ vfs_read a=\S+$/);
    assert.is(added[0]?.split(" a=")[1], expression);
    await monitor.unregister(id);
  }
  assert.ok(made > 20, `${made} probes`);
  assert.equal(await probeLines(), before);
});

onKernel("what a killed process left is swept, what a living one has is not", async () => {
  const before = await probeLines();
  const program = `
    const { EventMonitor } = await import(${JSON.stringify(here)});
    const monitor = await EventMonitor.open();
    for (let i = 0; i < 3; i++) await monitor.registerKprobe("vfs_read", () => {}, { enabled: false });
    console.log("ready");
    setInterval(() => {}, 1000);`;
  const start = async () => {
    const child = spawn(process.execPath, ["--input-type=module", "-e", program], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    await once(child.stdout, "data");
    return child;
  };
  const [dead, living] = [await start(), await start()];
  assert.is((await probeLines()).length, before.length + 6);
  const over = once(dead, "exit");
  dead.kill("SIGKILL");
  await over;
  assert.is((await probeLines()).length, before.length + 6, "the kernel keeps them");
  const monitor = await EventMonitor.open();
  await monitor.registerTracepoint("sched/sched_process_exec", () => {}, { enabled: false });
  assert.is((await probeLines()).length, before.length + 3);
  await monitor.close();
  const ended = once(living, "exit");
  living.kill("SIGKILL");
  await ended;
  const last = await EventMonitor.open();
  await last.registerKprobe("vfs_write", () => {}, { enabled: false });
  await last.close();
  assert.equal(await probeLines(), before);
});

test.run();
