import { test } from "uvu";
import * as assert from "uvu/assert";
import { parsePerfHierarchy } from "./cgroup-hierarchy.js";

const controllers = (hierarchy: number) =>
  `#subsys_name\thierarchy\tnum_cgroups\tenabled\ncpuset\t3\t12\t1\nperf_event\t${hierarchy}\t11\t1\n`;
const unified = "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw";
const cpu = "32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu";
const perf = "33 31 0:30 / /sys/fs/cgroup/net_cls,perf\\040event rw,relatime - cgroup cgroup rw,net_cls,perf_event";

test("cgroup v2 has perf_event where no hierarchy of v1 has taken it", () => {
  assert.equal(parsePerfHierarchy(controllers(0), [cpu, unified].join("\n")), {
    version: 2,
    place: "/sys/fs/cgroup/unified",
  });
  assert.equal(parsePerfHierarchy(controllers(0), cpu), { version: 2, place: undefined });
});

test("a hierarchy of v1 has it, wherever that is mounted", () => {
  assert.equal(parsePerfHierarchy(controllers(9), [unified, cpu, perf].join("\n")), {
    version: 1,
    place: "/sys/fs/cgroup/net_cls,perf event",
  });
  assert.equal(parsePerfHierarchy(controllers(9), [unified, cpu].join("\n")), { version: 1, place: undefined });
});

test("a kernel without the controller", () => {
  assert.is(parsePerfHierarchy("cpuset\t3\t12\t1\n", unified), undefined);
});

test.run();
