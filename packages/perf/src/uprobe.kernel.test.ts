import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { requires } from "@kernscope/test-support";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { PerfError } from "./errors.js";
import { EventMonitor } from "./event-monitor.js";
import { Tracefs } from "./tracefs.js";

const onKernel = requires({ perf: true, uprobes: true });

/** Calls what is to be probed as often as its argument says. */
const source = `
#include <stdio.h>
#include <stdlib.h>
struct pair { short first; unsigned char flags; char label[13]; };
__attribute__((noinline)) long work(int number, const char *text, struct pair *pair, unsigned long wide) {
  __asm__ volatile("" ::: "memory");
  return number * 2L - (long)(pair->flags & 1) + (text[0] != 0) + (wide == 0);
}
static __attribute__((noinline)) int hidden(int n) { __asm__ volatile("" ::: "memory"); return n ? hidden(n - 1) + 1 : 0; }
int main(int argc, char **argv) {
  struct pair pair = { -7, 0x35, "label" };
  char text[32];
  for (int i = 0; i < atoi(argv[1]); i++) {
    snprintf(text, sizeof text, "text %d", i);
    if (work(-i, text, &pair, 0xfedcba9876543210UL) == 12345) return 1;
  }
  return hidden(5) == 5 ? 0 : 2;
}`;

const folder = mkdtempSync(join(tmpdir(), "kernscope-uprobe-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));

function compile(name: string, ...flags: string[]): string {
  const [code, program] = [join(folder, `${name}.c`), join(folder, name)];
  writeFileSync(code, source);
  execFileSync(process.env.CC ?? "cc", ["-O1", code, "-o", program, ...flags]);
  return program;
}

async function probeLines(): Promise<string[]> {
  const tracefs = await Tracefs.open();
  try {
    return (await tracefs.read("uprobe_events")).split("\n").filter((line) => line !== "");
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

interface Work {
  number: number;
  text: string;
  first: number;
  flags: number;
  label: string;
  wide: bigint;
}

/** Arguments by register: user probes have no `$argN` before 6.11. */
const registers = process.arch === "x64" ? ["%di", "%si", "%dx", "%cx"] : ["%x0", "%x1", "%x2", "%x3"];
const args = {
  number: `${registers[0]}:s32`,
  text: `+0(${registers[1]}):ustring`,
  first: `+0(${registers[2]}):s16`,
  flags: `+2(${registers[2]}):b4@0/8`,
  label: `+3(${registers[2]}):ustring`,
  wide: `${registers[3]}:u64`,
};

for (const [name, flags] of Object.entries({ pie: ["-pie", "-fPIE"], fixed: ["-no-pie", "-fno-pie"] })) {
  onKernel(`${name}: every call and return, with arguments, strings and result`, async () => {
    const before = await probeLines();
    const path = compile(name, ...flags);
    await using monitor = await EventMonitor.open();
    const calls: Work[] = [];
    const results: number[] = [];
    const pids = new Set<number>();
    await monitor.registerUprobe<Work>(
      { path, symbol: "work" },
      (record, { number, text, first, flags, label, wide }) => {
        pids.add(record.pid);
        calls.push({ number, text, first, flags, label, wide });
      },
      { args },
    );
    await monitor.registerUprobe<{ result: number }>(
      { path, symbol: "work" },
      (_, { result }) => results.push(result),
      {
        onReturn: true,
        args: { result: "$retval:s64" },
      },
    );
    const child = spawnSync(path, ["300"]);
    assert.is(child.status, 0);
    await finish(monitor);
    assert.equal([...pids], [child.pid]);
    assert.equal(
      calls,
      Array.from({ length: 300 }, (_, index) => ({
        number: -index,
        text: `text ${index}`,
        first: -7,
        flags: 5,
        label: "label",
        wide: 0xfedc_ba98_7654_3210n,
      })),
    );
    assert.equal(
      results,
      Array.from({ length: 300 }, (_, index) => index * -2),
    );
    const { events } = await monitor.loss();
    for (const event of events) {
      assert.equal([event.hits, event.delivered, event.lost ?? 0n], [300n, 300, 0n], event.name);
      assert.equal(event.probe, { reached: 300n, missed: undefined });
    }
    await monitor.close();
    assert.equal(await probeLines(), before);
  });
}

onKernel("a filter, an offset from a symbol and from the file's start, a recursion", async () => {
  const path = compile("offsets");
  await using monitor = await EventMonitor.open();
  const seen = { filtered: 0, entered: 0, returned: 0, inside: 0 };
  const count = (name: keyof typeof seen) => () => {
    seen[name]++;
  };
  await monitor.registerUprobe({ path, symbol: "work" }, count("filtered"), {
    args,
    filter: "number < -9 && first == -7",
  });
  await monitor.registerUprobe({ path, symbol: "hidden" }, count("entered"));
  await monitor.registerUprobe({ path, symbol: "hidden" }, count("returned"), { onReturn: true });
  const listing = execFileSync("readelf", ["-Ws", path], { encoding: "utf8" });
  const address = Number(`0x${/([0-9a-f]{16}) +\d+ FUNC +GLOBAL +\w+ +\d+ main$/m.exec(listing)?.[1]}`);
  await monitor.registerUprobe({ path, offset: address }, count("inside"));
  assert.is(spawnSync(path, ["20"]).status, 0);
  await finish(monitor);
  assert.equal(seen, { filtered: 10, entered: 6, returned: 6, inside: 1 });
});

onKernel("a path with spaces, links below another root, a file that takes its place", async () => {
  const program = compile("moved");
  const root = join(folder, "root");
  mkdirSync(join(root, "a b#\n"), { recursive: true });
  const path = join(root, "a b#\n", "prögram");
  renameSync(program, path);
  await using monitor = await EventMonitor.open();
  let hits = 0;
  await monitor.registerUprobe({ path: "/a b#\n/prögram", root, symbol: "work" }, () => hits++);
  assert.is(spawnSync(path, ["7"]).status, 0);
  await finish(monitor);
  assert.is(hits, 7);
  const [event] = (await monitor.loss()).events;
  assert.is(event?.probe?.reached, 7n);
});

const withObjcopy = requires({ perf: true, uprobes: true, programs: ["/usr/bin/objcopy"] });

withObjcopy("symbols of a stripped program come from its debug file, by build id", async () => {
  const path = compile("stripped", "-Wl,--build-id=0xaabbccdd01");
  const debug = join(folder, "usr/lib/debug/.build-id/aa");
  mkdirSync(debug, { recursive: true });
  execFileSync("objcopy", ["--only-keep-debug", path, join(debug, "bbccdd01.debug")]);
  execFileSync("objcopy", ["--strip-all", path]);
  await using monitor = await EventMonitor.open();
  let hits = 0;
  const local = path.slice(folder.length);
  const target = { path: local, root: folder, symbol: "hidden", buildId: "AABBCCDD01" };
  await monitor.registerUprobe(target, () => hits++);
  spawnSync(path, ["1"]);
  await finish(monitor);
  assert.is(hits, 6);
  const without = await errorOf(monitor.registerUprobe({ path, symbol: "hidden" }, () => {}));
  assert.is(without.code, "not_found");
  const other = await errorOf(monitor.registerUprobe({ ...target, buildId: "00" }, () => {}));
  assert.match(other.message, /its build id is aabbccdd01, not 00$/);
});

onKernel("what cannot be probed says why, and leaves nothing", async () => {
  const before = await probeLines();
  const files = readdirSync("/proc/self/fd").length;
  const path = compile("refused");
  const monitor = await EventMonitor.open();
  const fifo = join(folder, "fifo");
  execFileSync("mkfifo", [fifo]);
  const cases: [object, object, string, RegExp][] = [
    [{ path: join(folder, "none"), symbol: "work" }, {}, "not_found", /ENOENT/],
    [{ path, symbol: "none" }, {}, "not_found", /no such function/],
    [{ path, offset: 0 }, {}, "invalid", /no code lies/],
    [{ path, symbol: "work", offset: 1 << 30 }, {}, "invalid", /no code lies/],
    [{ path, symbol: "work", offset: -1 }, {}, "invalid", /no offset/],
    [{ path }, {}, "invalid", /neither symbol nor offset/],
    [{ path: "relative", symbol: "work" }, {}, "invalid", /not absolute/],
    [{ path: `${path}.c`, symbol: "work" }, {}, "invalid", /no ELF file/],
    [{ path: fifo, symbol: "work" }, {}, "invalid", /not a regular file/],
    [{ path: folder, symbol: "work" }, {}, "invalid", /not a regular file/],
    [{ path, symbol: "work" }, { args: { a: "%nope" } }, "invalid", /^uprobe_events\(uprobe:.*EINVAL/],
    [{ path, symbol: "work" }, { args: { a: "%di\n-:x/y" } }, "invalid", /fetch expression/],
    [{ path, symbol: "work" }, { filter: "none == 1" }, "invalid", /FILTER/],
  ];
  for (const [target, options, code, message] of cases) {
    const error = await errorOf(monitor.registerUprobe(target as { path: string }, () => {}, options));
    assert.is(error.code, code, error.message);
    assert.match(error.message, message);
  }
  assert.equal(await probeLines(), before);
  await monitor.close();
  assert.is(readdirSync("/proc/self/fd").length, files);
});

test.run();
