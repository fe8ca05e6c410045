import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { FakeKernel } from "@kernscope/perf/testing";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { ContainerCache } from "./container-cache.js";
import { ContainerRuntime, ContainerState } from "./container-state.js";
import { ContainerCacheError } from "./errors.js";
import { FakeHost } from "./testing/fake-host.js";

const A = "aa".repeat(32);
const B = "bb".repeat(32);
const sample = { pid: 1, tid: 1, cpu: 0, cgroup: 0, elapsed: 0 };

test("without a runtime the kernel tells of no process, and each runtime says why it is not there", async () => {
  await using host = await FakeHost.open();
  await host.cache.ready;
  assert.is(host.kernel.emit("sched/sched_process_exec", { filename: "/x", pid: 1, old_pid: 1 }, { pid: 1 }), 0);
  assert.is(host.kernel.emit("sched/sched_process_exit", { comm: "x", pid: 1, group_dead: 1 }, { pid: 1 }), 0);
  for (const { name, found, condition, reason } of host.cache.runtimes()) {
    assert.equal([found, condition], [false, "absent"], name);
    assert.ok(reason.length > 0, name);
  }
  assert.equal(
    host.cache
      .runtimes()
      .map(({ name }) => name)
      .sort(),
    ["containerd", "cri-o", "docker", "podman", "runc"],
  );
});

test("a path that only looks like a container's is none, until a runtime says so", async () => {
  await using host = await FakeHost.open({}, { cgroups: [`/docker/${A}/sub`] });
  await host.cache.ready;
  host.makeCgroup(500_001, `/docker/${B}`);
  assert.is(host.cache.containerOfCgroup(500_001), undefined);
  assert.is(host.cache.containerOfPath(`/docker/${A}`), undefined);
  assert.is(host.cache.stats().unknownCgroups, 3);
  host.cache
    .lookupContainer(A, { create: true })
    .update(ContainerRuntime.Docker, sample, { state: ContainerState.Running });
  assert.is(host.cache.containerOfPath(`/docker/${A}/sub`)?.id, A);
  assert.is(host.cache.containerOfPath(`/docker/${B}`), undefined);
  assert.is(host.cache.stats().unknownCgroups, 1);
});

test("what lies within a container is the container's, whatever it is called", async () => {
  await using host = await FakeHost.open();
  for (const id of [A, B]) {
    host.cache
      .lookupContainer(id, { create: true })
      .update(ContainerRuntime.Docker, sample, { state: ContainerState.Created });
  }
  host.makeCgroup(60, `/docker/${A}`);
  host.makeCgroup(61, `/docker/${A}/docker/${B}`);
  host.makeCgroup(62, `/docker/${B}`);
  assert.equal(
    [60, 61, 62].map((id) => host.cache.containerOfCgroup(id)?.id),
    [A, A, B],
  );
  // Another cgroup of the same name is somebody else's.
  host.makeCgroup(63, `/elsewhere/${B}`);
  assert.is(host.cache.containerOfCgroup(63), undefined);
});

test("what a caller says is told in order and once", async () => {
  await using host = await FakeHost.open();
  const info = host.cache.lookupContainer(A, { create: true });
  assert.equal([info.known, info.state, host.cache.containers().length], [false, ContainerState.Unknown, 0]);
  const say = (data: Parameters<typeof info.update>[2]) => info.update(ContainerRuntime.Docker, sample, data);
  say({ name: "web" });
  say({ state: ContainerState.Paused, pid: 5 });
  say({ state: ContainerState.Paused, pid: 5 });
  say({ state: ContainerState.Running, pid: 5, name: "shop" });
  info.update(ContainerRuntime.Containerd, sample, { name: "beneath", imageName: "i", state: ContainerState.Exited });
  host.cache.deleteContainer(A, ContainerRuntime.Containerd, sample);
  say({ state: ContainerState.Removing });
  await host.until(() => host.seen.length >= 5);
  const told = ["aa created", "aa running", "aa updated paused", "aa updated name running", "aa updated imageName"];
  assert.equal(host.seen, told);
  assert.equal([info.name, info.imageName], ["shop", "i"]);
  host.cache.deleteContainer(A, ContainerRuntime.Docker, sample);
  await host.until(() => host.seen.includes("aa destroyed"));
  assert.equal(host.seen.slice(5), ["aa exited undefined", "aa destroyed"]);
  say({ name: "again" });
  assert.is(info.destroyed, true);
  assert.is(info.name, "shop");
});

test("of a container that no runtime says more of it is told that nothing more is to be waited for", async () => {
  await using host = await FakeHost.open();
  const info = host.cache.lookupContainer(A, { create: true });
  info.update(ContainerRuntime.Docker, sample, { state: ContainerState.Created });
  assert.is(info.settled, false);
  await host.until(() => host.settled.length > 0);
  assert.equal([host.settled, info.settled, host.seen], [[A], true, ["aa created"]]);
});

test("a cgroup that an OCI runtime makes is a container's, until it is removed", async () => {
  const folder = mkdtempSync(join(tmpdir(), "oci-"));
  await using host = await FakeHost.open({ ociRoots: [folder] });
  await host.cache.ready;
  host.exec(70, 1, "/usr/sbin/runc");
  host.makeCgroup(80, "/jobs", 70);
  host.makeCgroup(81, "/jobs/one", 70);
  host.makeCgroup(82, "/jobs/two", 71);
  mkdirSync(join(host.folder, "proc/74"));
  writeFileSync(join(host.folder, "proc/74/cmdline"), "runc\0--root\0/x\0run\0-b\0/b\0named\0");
  host.exec(74, 1, "/usr/bin/crun");
  host.makeCgroup(83, "/other", 74);
  host.makeCgroup(84, "/other/place", 74);
  assert.equal(
    [83, 84].map((id) => host.cache.containerOfCgroup(id)?.id),
    [undefined, "named"],
  );
  host.exec(72, 81, "/proc/self/fd/6");
  host.exec(73, 81);
  assert.equal(
    [80, 81, 82].map((id) => host.cache.containerOfCgroup(id)?.id),
    [undefined, "one", undefined],
  );
  host.exit(73, 4);
  host.removeCgroup(81, "/jobs/one");
  await host.until(() => host.seen.length === 4);
  assert.equal(host.seen, ["on created", "on running", "on exited 4", "on destroyed"]);
  assert.is(host.cache.lookupContainer("jobs"), undefined);
  rmSync(folder, { recursive: true });
});

test("a life that was over, files and all, before the kernel's records of it came is told whole", async () => {
  const folder = mkdtempSync(join(tmpdir(), "oci-"));
  await using host = await FakeHost.open({ ociRoots: [folder] });
  await host.cache.ready;
  mkdirSync(join(folder, "brief"));
  rmSync(join(folder, "brief"), { recursive: true });
  // The folder's watcher tells of it in one of the next turns.
  await setTimeout(200);
  host.makeCgroup(90, "/jobs/brief");
  host.exec(75, 90);
  host.exit(75, 0);
  host.removeCgroup(90, "/jobs/brief");
  await host.until(() => host.seen.length === 4);
  assert.equal(host.seen, ["br created", "br running", "br exited 0", "br destroyed"]);
  rmSync(folder, { recursive: true });
});

test("an end whose record was lost is known by the cgroup's removal", async () => {
  await using host = await FakeHost.open();
  const info = host.cache.lookupContainer(A, { create: true });
  info.update(ContainerRuntime.Docker, sample, { state: ContainerState.Running, pid: 9 });
  host.makeCgroup(60, `/docker/${A}`);
  host.removeCgroup(60, `/docker/${A}`);
  await host.until(() => host.seen.length === 3);
  assert.equal(host.seen, ["aa created", "aa running", "aa exited undefined"]);
});

test("more containers than allowed are counted and left out", async () => {
  await using host = await FakeHost.open({}, { options: { maxContainers: 1 } });
  host.cache.lookupContainer(A, { create: true });
  assert.throws(
    () => host.cache.lookupContainer(B, { create: true }),
    (error: unknown) => error instanceof ContainerCacheError && error.code === "invalid",
  );
  assert.is(host.cache.stats().refused, 1);
});

test("containerd that accepts and never answers delays nothing", async () => {
  const folder = mkdtempSync(join(tmpdir(), "mute-"));
  const socket = join(folder, "c.sock");
  const server = createServer(() => {});
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  {
    await using host = await FakeHost.open({ containerdSockets: [socket] });
    await host.cache.ready;
    const status = host.cache.runtimes().find(({ name }) => name === "containerd");
    assert.equal([status?.found, status?.condition], [true, "failed"]);
    host.makeCgroup(60, `/docker/${A}`);
    assert.is(host.cache.stats().cgroups > 0, true);
  }
  server.close();
  rmSync(folder, { recursive: true });
});

test("podman's and CRI-O's storage is told apart, and nonsense in it is left out", async () => {
  const root = mkdtempSync(join(tmpdir(), "storage-"));
  const list = join(root, "overlay-containers");
  mkdirSync(join(list, B, "userdata"), { recursive: true });
  const annotations = {
    "io.kubernetes.cri-o.Labels": JSON.stringify({ "io.kubernetes.pod.name": "web-0", tier: "x" }),
    "io.kubernetes.cri-o.PodUid": "u",
  };
  writeFileSync(
    join(list, B, "userdata/config.json"),
    JSON.stringify({ annotations, linux: { cgroupsPath: `kubepods-besteffort.slice:crio:${B}` } }),
  );
  const item = (id: unknown, metadata: unknown) => ({
    id,
    names: ["n"],
    image: A,
    metadata: JSON.stringify(metadata),
    created: "2020-01-01T00:00:00Z",
  });
  const items = [
    item(A, { "image-name": "i:1", name: "web" }),
    item(B, { "pod-id": "p", name: "k8s_web" }),
    item("../x", {}),
    5,
    null,
  ];
  writeFileSync(join(list, "containers.json"), JSON.stringify(items));
  {
    await using host = await FakeHost.open({ storageRoots: [root] });
    await host.cache.ready;
    const all = host.cache
      .containers()
      .map(({ id, runtime, name, pod, labels }) => ({ id, runtime, name, pod: pod?.name, tier: labels.tier }));
    assert.equal(all, [
      { id: A, runtime: ContainerRuntime.Podman, name: "web", pod: undefined, tier: undefined },
      { id: B, runtime: ContainerRuntime.CriO, name: "k8s_web", pod: "web-0", tier: "x" },
    ]);
    const path = `/kubepods.slice/kubepods-besteffort.slice/crio-${B}.scope`;
    assert.is(host.cache.containerOfPath(path)?.id, B);
    assert.equal(host.seen, []);
  }
  rmSync(root, { recursive: true });
});

test("a configuration that is being written is taken in once it is whole", async () => {
  const root = mkdtempSync(join(tmpdir(), "storage-"));
  const list = join(root, "overlay-containers");
  const file = join(list, A, "userdata/config.json");
  mkdirSync(join(list, A, "userdata"), { recursive: true });
  const created = "2020-01-01T00:00:00Z";
  const item = { id: A, names: ["n"], image: B, metadata: '{"name":"web"}', created };
  writeFileSync(join(list, "containers.json"), JSON.stringify([item]));
  const config = JSON.stringify({ linux: { cgroupsPath: `machine.slice:libpod:${A}` }, process: { args: ["sh"] } });
  writeFileSync(file, config.slice(0, 20));
  {
    await using host = await FakeHost.open({ storageRoots: [root] });
    await host.cache.ready;
    const info = host.cache.lookupContainer(A);
    assert.equal([info?.name, info?.ociConfig, info?.cgroupPath], ["web", "", ""]);
    writeFileSync(file, config);
    await host.until(() => info?.ociConfig !== "");
    assert.equal([info?.ociConfig, info?.cgroupPath], [config, `/machine.slice/libpod-${A}.scope`]);
  }
  rmSync(root, { recursive: true });
});

test("options out of their range are refused", async () => {
  await using monitor = await new FakeKernel().openMonitor();
  try {
    await ContainerCache.open(monitor, { maxContainers: 0 });
    assert.unreachable();
  } catch (error) {
    assert.ok(error instanceof ContainerCacheError && error.code === "invalid");
    assert.match(error.message, /^open\(maxContainers\): 0 – /);
  }
});

test.run();
