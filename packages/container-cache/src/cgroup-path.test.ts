import { test } from "uvu";
import * as assert from "uvu/assert";
import { parseCgroupPath } from "./cgroup-path.js";
import { ContainerRuntimeNames } from "./container-state.js";

const A = "0123456789abcdef".repeat(4);
const B = "fedcba9876543210".repeat(4);
const UID = "3a1b2c3d-0001-4002-8003-0123456789ab";
const UNDERSCORED = UID.replaceAll("-", "_");
const HASH = "0123456789abcdef0123456789abcdef";

/** Path and what is found in it: runtime, id, pod's uid, each container in a line. */
const shapes: readonly (readonly [string, ...string[]])[] = [
  [`/docker/${A}`, `docker ${A}`],
  [`/system.slice/docker-${A}.scope`, `docker ${A}`],
  [`/custom.slice/docker-${A}.scope`, `docker ${A}`],
  [`/user.slice/user-1000.slice/user@1000.service/app.slice/docker-${A}.scope`, `docker ${A}`],
  [`/my-parent/${A}`, `unknown ${A}`],
  [`/ecs/${HASH}/${A}`, `unknown ${A}`],
  [`/kubepods/besteffort/pod${UID}/${A}`, `unknown ${A} ${UID}`],
  [`/kubepods/pod${UID}/${A}`, `unknown ${A} ${UID}`],
  [`/kubepods/burstable/pod${HASH}/${A}`, `unknown ${A} ${HASH}`],
  [`/kubepods/burstable/pod${UID}/crio-${A}`, `cri-o ${A} ${UID}`],
  [
    `/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod${UNDERSCORED}.slice/cri-containerd-${A}.scope`,
    `containerd ${A} ${UID}`,
  ],
  [`/kubepods.slice/kubepods-pod${UNDERSCORED}.slice/cri-containerd-${A}.scope`, `containerd ${A} ${UID}`],
  [`/kubepods.slice/kubepods-pod${UNDERSCORED}.slice/crio-${A}.scope`, `cri-o ${A} ${UID}`],
  [`/kubepods.slice/kubepods-pod${UNDERSCORED}.slice/docker-${A}.scope`, `docker ${A} ${UID}`],
  [
    `/system.slice/containerd.service/kubepods-burstable-pod${UNDERSCORED}.slice:cri-containerd:${A}`,
    `containerd ${A} ${UID}`,
  ],
  [`/kubelet.slice/kubelet-kubepods.slice/pod${UID}/${A}`, `unknown ${A} ${UID}`],
  [`/system.slice/nerdctl-${A}.scope`, `containerd ${A}`],
  [`/machine.slice/libpod-${A}.scope`, `podman ${A}`],
  [`/machine.slice/libpod-${A}.scope/container`, `podman ${A}`],
  [`/machine.slice/machine-libpod_pod_${B}.slice/libpod-${A}.scope`, `podman ${A}`],
  [`/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-${A}.scope/container`, `podman ${A}`],
  [`/libpod_parent/libpod-${A}`, `podman ${A}`],
  [`/libpod_parent/${B}/libpod-${A}`, `podman ${A}`],
  [`/system.slice/web.service/libpod-payload-${A}`, `podman ${A}`],
  ["/system.slice/runc-web_1.scope", "runc web_1"],
  ["/user.slice/crun-web.scope", "runc web"],
  ["/lxc/web", "lxc web"],
  ["/lxc.payload/web", "lxc web"],
  ["/lxc.payload.web-1/system.slice/cron.service", "lxc web-1"],
  // A container in a container, and what systemd makes within one.
  [`/docker/${A}/docker/${B}`, `docker ${A}`, `docker ${B}`],
  [`/kubepods/pod${UID}/${A}/kubepods/pod${HASH}/${B}`, `unknown ${A} ${UID}`, `unknown ${B} ${HASH}`],
  [`/system.slice/docker-${A}.scope/init.scope`, `docker ${A}`],
  [`/docker/${A} (deleted)`, `docker ${A}`],
];

/** Paths that only look like one. */
const others: readonly string[] = [
  "",
  "/",
  "docker",
  `docker/${A}`,
  "/docker",
  "/docker/abc",
  `/docker/${A.slice(1)}`,
  `/docker/${A}0`,
  `/docker/${A.toUpperCase()}`,
  `/docker/${A}.scope`,
  `/docker/../${A}`,
  `/../docker/${A}`,
  `/docker//${A}`,
  `/docker/${A}/`,
  `/docker/${A}\n`,
  `/system.slice/docker-${A}.service`,
  `/system.slice/docker-${A}`,
  `/system.slice/evil-docker-${A}.scope`,
  `/system.slice/docker-${A}.scope.d`,
  `/system.slice/constructor-${A}.scope`,
  `/machine.slice/libpod-conmon-${A}.scope`,
  `/kubepods/pod${UID}/crio-conmon-${A}`,
  `/libpod_parent/${A}`,
  "/libpod_parent/conmon",
  `/machine.slice/machine-libpod_pod_${B}.slice`,
  "/system.slice/runc-.scope",
  "/system.slice/runc-a b.scope",
  "/lxc",
  "/lxc.monitor.web",
  `/kubepods/pod${UID}`,
  `/${"a".repeat(256)}/${A}`,
  `/${"x/".repeat(3000)}${A}`,
  "/system.slice/cron.service",
];

test("each shape that runtimes make is told", () => {
  for (const [path, ...expected] of shapes) {
    const found = parseCgroupPath(path).map(({ runtime, id, podUid }) =>
      [ContainerRuntimeNames[runtime], id, podUid].filter(Boolean).join(" "),
    );
    assert.equal(found, expected, path);
  }
});

test("what only looks like one is not", () => {
  for (const path of others) assert.equal(parseCgroupPath(path), [], path.slice(0, 300));
});

test("the path of a container's own cgroup is told", () => {
  const [outer, inner] = parseCgroupPath(`/docker/${A}/init.scope/docker/${B}/x`);
  assert.is(outer?.path, `/docker/${A}`);
  assert.is(inner?.path, `/docker/${A}/init.scope/docker/${B}`);
  assert.is(parseCgroupPath(`/docker/${A} (deleted)`)[0]?.path, `/docker/${A}`);
});

test("what is found names a part of the path, whatever was damaged in it", () => {
  let seed = 1;
  const random = (below: number) => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
    return (seed >>> 8) % below;
  };
  const alphabet = "/-_.:abcdef0123456789ABZ \0\u00e9";
  for (let round = 0; round < 20_000; round++) {
    let path = shapes[random(shapes.length)]![0];
    for (let edits = random(3); edits >= 0; edits--) {
      const at = random(path.length + 1);
      path = `${path.slice(0, at)}${alphabet[random(alphabet.length)]}${path.slice(at + random(3))}`;
    }
    for (const { id, path: own } of parseCgroupPath(path)) {
      assert.ok(path === own || path.startsWith(`${own}/`) || path === `${own} (deleted)`, path);
      const last = own.slice(own.lastIndexOf("/") + 1);
      assert.ok(last.includes(id) && id.length > 0, path);
      assert.not.match(id, /[^A-Za-z0-9_+.-]/);
    }
  }
});

test.run();
