import { test } from "uvu";
import * as assert from "uvu/assert";
import { cgroupPathOf } from "./bundles.js";

const of = (cgroupsPath: unknown) => cgroupPathOf(JSON.stringify({ linux: { cgroupsPath } }));

test("the cgroup that a configuration asks for is told for both of runc's drivers", () => {
  assert.is(of("/docker/abc"), "/docker/abc");
  assert.is(of("/docker/abc/"), "/docker/abc");
  assert.is(of("system.slice:docker:abc"), "/system.slice/docker-abc.scope");
  assert.is(of(":docker:abc"), "/system.slice/docker-abc.scope");
  assert.is(of("machine.slice:libpod:abc"), "/machine.slice/libpod-abc.scope");
  const slices = "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1_2.slice";
  assert.is(of("kubepods-burstable-pod1_2.slice:cri-containerd:abc"), `${slices}/cri-containerd-abc.scope`);
});

test("what says nothing of a cgroup gives none", () => {
  for (const path of [undefined, "", 5, "relative/path", "a/b:docker:abc", "a:b:"])
    assert.is(of(path), "", String(path));
  for (const text of ["", "{", "[]", "null", '{"linux":[]}']) assert.is(cgroupPathOf(text), "", text);
});

test.run();
