import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { perfHierarchy } from "./cgroup-hierarchy.js";
import { Procfs } from "./procfs.js";
import { FakeProc } from "./testing/index.js";

const controllers = (hierarchy: number) =>
  `#subsys_name\thierarchy\tnum_cgroups\tenabled\ncpu\t3\t1\t1\nperf_event\t${hierarchy}\t1\t1\n`;
const tmpfs = "31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755";
const cpu = "32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime shared:9 - cgroup cgroup rw,cpu";
const perf = "33 31 0:30 / /sys/fs/cgroup/perf_event rw - cgroup cgroup rw,perf_event";
const unified = "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime shared:2 master:1 - cgroup2 cgroup2 rw";

function hierarchyOf(id: number, ...mounts: string[]) {
  using proc = new FakeProc();
  writeFileSync(join(proc.root, "cgroups"), controllers(id));
  mkdirSync(join(proc.root, "self"));
  writeFileSync(join(proc.root, "self", "mountinfo"), `${mounts.join("\n")}\n`);
  return perfHierarchy(new Procfs(proc.root));
}

test("version 2, alone or beside version 1", () => {
  const expected = { id: 0, version: 2, mount: "/sys/fs/cgroup/unified", root: "/" };
  assert.equal(hierarchyOf(0, unified), expected);
  assert.equal(hierarchyOf(0, tmpfs, cpu, unified), expected);
});

test("version 1 where something mounted the controller so", () => {
  const expected = { id: 7, version: 1, mount: "/sys/fs/cgroup/perf_event", root: "/" };
  assert.equal(hierarchyOf(7, tmpfs, cpu, perf, unified), expected);
});

test("no mount, a part of a hierarchy, a name with blanks", () => {
  assert.equal(hierarchyOf(7, unified), { id: 7, version: 1, mount: undefined, root: "/" });
  const part = "50 1 0:38 /docker/1 /part rw - cgroup2 cgroup2 rw";
  assert.equal(hierarchyOf(0, part), { id: 0, version: 2, mount: "/part", root: "/docker/1" });
  assert.is(hierarchyOf(0, part, unified).mount, "/sys/fs/cgroup/unified");
  assert.is(hierarchyOf(0, "50 1 0:38 / /with\\040blank rw - cgroup2 cgroup2 rw").mount, "/with blank");
  using proc = new FakeProc();
  assert.equal(perfHierarchy(new Procfs(proc.root)), { id: 0, version: 2, mount: undefined, root: "/" });
});

test.run();
