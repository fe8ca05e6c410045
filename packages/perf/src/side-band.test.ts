import { test } from "uvu";
import * as assert from "uvu/assert";
import type { EventMonitor } from "./event-monitor.js";
import { RawMemory } from "./raw-memory.js";
import { decodeSideBand, type SideBandData } from "./side-band.js";
import { FakeKernel, RecordBuilder } from "./testing/index.js";

/** Bytes of u32s, u64s (bigints), and strings padded to 8 as the kernel pads them. */
function body(...parts: (number | bigint | string)[]): Uint8Array {
  return Buffer.concat(
    parts.map((part) => {
      if (typeof part === "number") return Buffer.from(Uint32Array.of(part).buffer);
      if (typeof part === "bigint") return Buffer.from(BigUint64Array.of(part).buffer);
      const bytes = Buffer.from(`${part}\0`);
      return Buffer.concat([bytes, Buffer.alloc(-bytes.length & 7)]);
    }),
  );
}

const EXEC = 1 << 13;
const SECOND = 1 << 14;

const records: [string, number, number, Uint8Array, SideBandData][] = [
  ["fork", 7, 0, body(2, 1, 3, 4, 99n), { kind: "fork", pid: 2, parentPid: 1, tid: 3, parentTid: 4 }],
  ["exit", 4, 0, body(2, 1, 3, 4, 99n), { kind: "exit", pid: 2, parentPid: 1, tid: 3, parentTid: 4 }],
  ["comm", 3, 0, body(2, 3, "añb"), { kind: "comm", pid: 2, tid: 3, comm: "añb", exec: false }],
  ["exec", 3, EXEC, body(2, 3, "exactly"), { kind: "comm", pid: 2, tid: 3, comm: "exactly", exec: true }],
  [
    "mmap2",
    10,
    0,
    body(2, 3, 0x7fff_0000_1000n, 0x2000n, 0x3000n, 8, 1, 2n ** 40n, 5n, 5, 2, "/lib/x"),
    {
      kind: "mmap",
      pid: 2,
      tid: 3,
      address: 0x7fff_0000_1000n,
      length: 0x2000n,
      offset: 0x3000n,
      device: { major: 8, minor: 1, inode: 2n ** 40n },
      buildId: undefined,
      protection: 5,
      flags: 2,
      filename: "/lib/x",
    },
  ],
  [
    "mmap2 with a build id",
    10,
    SECOND,
    body(2, 3, 1n, 2n, 3n, 4, 0xddcc_bbaa, 0n, 0n, 5, 2, "//anon"),
    {
      kind: "mmap",
      pid: 2,
      tid: 3,
      address: 1n,
      length: 2n,
      offset: 3n,
      device: undefined,
      buildId: "aabbccdd",
      protection: 5,
      flags: 2,
      filename: "//anon",
    },
  ],
  ["cgroup", 19, 0, body(2n ** 60n, "/a/b"), { kind: "cgroup", id: 2n ** 60n, path: "/a/b" }],
  [
    "namespaces",
    16,
    0,
    body(2, 3, 2n, 4n, 0xf000_0001n, 4n, 0xf000_0002n),
    {
      kind: "namespaces",
      pid: 2,
      tid: 3,
      namespaces: [
        { name: "net", device: 4n, inode: 0xf000_0001n },
        { name: "uts", device: 4n, inode: 0xf000_0002n },
      ],
    },
  ],
  [
    "switch out",
    15,
    EXEC | SECOND,
    body(5, 6),
    { kind: "switch", out: true, preempted: true, otherPid: 5, otherTid: 6 },
  ],
  [
    "switch of a task",
    14,
    0,
    body(),
    { kind: "switch", out: false, preempted: false, otherPid: undefined, otherTid: undefined },
  ],
];

function decode(bytes: Uint8Array, type: number, misc: number): SideBandData | undefined {
  const memory = new RawMemory(new ArrayBuffer((bytes.length + 23) & ~7));
  memory.u8.fill(0x58);
  memory.u8.set(bytes, 8);
  memory.move(8, bytes.length);
  return decodeSideBand(memory, type, misc);
}

for (const [name, type, misc, bytes, expected] of records) {
  test(name, () => {
    assert.equal(decode(bytes, type, misc), expected);
    const least = decode(new Uint8Array(0), type, misc) === undefined;
    assert.is(least, bytes.length > 0, "too short");
  });
}

test("names without an end, and more namespaces than there are, stay within the record", () => {
  const unended = body(2, 3, 0x4141_4141_4141_4141n);
  assert.equal(decode(unended, 3, 0), { kind: "comm", pid: 2, tid: 3, comm: "AAAAAAAA", exec: false });
  assert.is(decode(body(2, 3, 2n ** 62n, 4n, 1n), 16, 0), undefined);
  assert.is(decode(body(1), 99, 0), undefined);
});

function fail(): never {
  throw new Error("it is not there");
}

async function runAndStop(monitor: EventMonitor): Promise<void> {
  const run = monitor.run();
  await monitor.stop();
  await run;
}

test("kinds that were asked for come in time order among samples, others are discarded", async () => {
  const kernel = new FakeKernel();
  await using monitor = await kernel.openMonitor();
  const seen: unknown[] = [];
  const id = await monitor.registerSideBand(["fork", "comm"], (record, data) => {
    seen.push([data.kind, record.elapsed, record.pid, data.kind === "fork" ? data.parentPid : data.comm]);
  });
  await monitor.registerTracepoint("task/task_rename", (record) => seen.push(["sample", record.elapsed]));
  const { attr } = kernel.source.events.get(id)?.request ?? fail();
  assert.equal([attr.type, attr.config], [1, 9]);
  assert.equal(
    Object.entries(attr.flags ?? {})
      .filter(([, on]) => on)
      .map(([name]) => name),
    ["task", "comm", "commExec"],
  );
  const { origin } = monitor.clock;
  const builder = new RecordBuilder();
  const feed = (type: number, elapsed: number, bytes: Uint8Array) =>
    kernel.source.feed(builder.record({ type, event: id, pid: 1, time: origin + BigInt(elapsed) }, bytes));
  feed(3, 30, body(1, 1, "new"));
  feed(7, 10, body(2, 1, 2, 1, 0n));
  feed(4, 40, body(2, 1, 2, 1, 0n));
  feed(7, 50, body(2));
  kernel.emit("task/task_rename", {}, { time: origin + 20n });
  await runAndStop(monitor);
  assert.equal(seen, [
    ["fork", 10, 1, 1],
    ["sample", 20],
    ["comm", 30, 1, "new"],
  ]);
  const { events, corrupt } = await monitor.loss();
  assert.equal([events[0]?.hits, events[0]?.delivered, events[0]?.discarded, corrupt], [4n, 2, 2, 1]);
});

test("cgroups need another flag; nothing asked for is refused", async () => {
  const kernel = new FakeKernel();
  await using monitor = await kernel.openMonitor();
  const id = await monitor.registerSideBand(["cgroup"], () => {});
  const { flags } = kernel.source.events.get(id)?.request.attr ?? fail();
  assert.equal([flags?.cgroup, flags?.task], [true, true]);
  const error = await monitor.registerSideBand([], () => {}).catch((error) => error);
  assert.is(error.code, "invalid");
});

test.run();
