import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { findPerfHierarchy, scanCgroups } from "./cgroup-hierarchy.js";

function proc(hierarchy: number, mounts: string): string {
  const folder = mkdtempSync(join(tmpdir(), "proc-"));
  mkdirSync(join(folder, "self"));
  writeFileSync(
    join(folder, "cgroups"),
    `#subsys_name\thierarchy\tnum_cgroups\tenabled\ncpu\t3\t1\t1\nperf_event\t${hierarchy}\t1\t1\n`,
  );
  writeFileSync(join(folder, "self/mountinfo"), mounts);
  return folder;
}

const hybrid = [
  "32 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu",
  "33 31 0:30 /docker/x /inner rw - cgroup2 cgroup2 rw",
  "36 31 0:33 / /sys/fs/cgroup/perf\\040event rw shared:9 - cgroup cgroup rw,net_cls,perf_event",
  "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw",
].join("\n");

test("the hierarchy is the one that has the perf_event controller", () => {
  const cases: [number, string, string | undefined][] = [
    [0, hybrid, "/sys/fs/cgroup/unified"],
    [9, hybrid, "/sys/fs/cgroup/perf event"],
    [0, "", undefined],
  ];
  for (const [id, mounts, mount] of cases) {
    const folder = proc(id, mounts);
    assert.equal(findPerfHierarchy(folder), { id, mount });
    rmSync(folder, { recursive: true });
  }
  assert.equal(findPerfHierarchy("/nonexistent"), { id: 0, mount: undefined });
});

test("all cgroups below a mount are found by their inodes", async () => {
  const folder = mkdtempSync(join(tmpdir(), "cgroup-"));
  mkdirSync(join(folder, "a/b"), { recursive: true });
  writeFileSync(join(folder, "a/cgroup.procs"), "");
  const found = new Map<string, number>();
  await scanCgroups(folder, (id, path) => found.set(path, id), new AbortController().signal);
  assert.equal([...found.keys()].sort(), ["/", "/a", "/a/b"]);
  assert.is(found.get("/a/b"), statSync(join(folder, "a/b")).ino);
  rmSync(folder, { recursive: true });
});

test.run();
