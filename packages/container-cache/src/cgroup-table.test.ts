import { test } from "uvu";
import * as assert from "uvu/assert";
import { CgroupTable } from "./cgroup-table.js";
import { ContainerEntry } from "./container-entry.js";

function table(containers: Record<string, ContainerEntry>) {
  return new CgroupTable({ grace: 1000, resolve: (path) => containers[path] });
}

test("a removed cgroup is found for a while, with the container that it had", () => {
  const entry = new ContainerEntry("a", () => {});
  const containers: Record<string, ContainerEntry> = { "/a": entry };
  const cgroups = table(containers);
  cgroups.add(1, "/a");
  cgroups.add(2, "/b");
  assert.is(cgroups.remove(1, 5000)?.container, entry);
  assert.is(cgroups.remove(1, 5000), undefined);
  delete containers["/a"];
  cgroups.relink();
  assert.is(cgroups.get(1)?.container, entry);
  assert.is(cgroups.size, 1);
  cgroups.expire(6000);
  assert.is(cgroups.get(1)?.container, entry);
  cgroups.expire(6001);
  assert.is(cgroups.get(1), undefined);
  assert.is(cgroups.size, 1);
});

test("cgroups at and below a path are linked anew, others are left", () => {
  const containers: Record<string, ContainerEntry> = {};
  const cgroups = table(containers);
  for (const [id, path] of [
    [1, "/a"],
    [2, "/a/b"],
    [3, "/ab"],
  ] as const)
    cgroups.add(id, path);
  const entry = new ContainerEntry("a", () => {});
  for (const path of ["/a", "/a/b", "/ab"]) containers[path] = entry;
  cgroups.relink("/a");
  assert.equal(
    [1, 2, 3].map((id) => cgroups.get(id)?.container?.id),
    ["a", "a", undefined],
  );
});

test.run();
