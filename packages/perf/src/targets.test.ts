import { readdirSync } from "node:fs";
import { mkdtemp, rmdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
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
