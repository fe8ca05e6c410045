import { ContainerdBed, IMAGE, provide } from "@kernscope/container-beds";
import { requires } from "@kernscope/test-support";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { CacheBed } from "./cache-bed.test.support.js";
import { ContainerRuntime, ContainerState } from "./container-state.js";

const containerd = requires({ root: true, perf: true, programs: provide("containerd", "ctr", "runc", "busybox") });
let host: ContainerdBed;

test.before(async () => {
  if (process.geteuid?.() === 0) host = await ContainerdBed.open();
});
test.after(async () => {
  await host?.[Symbol.asyncDispose]();
});

function places() {
  return { containerdSockets: [host.socket], containerdStates: [host.state] };
}

function run(id: string, options: readonly string[], ...command: string[]): Promise<string> {
  return host.ctr("run", "-d", "--null-io", ...options, IMAGE, id, ...command);
}

containerd("the life of a container is told, with every fact", async () => {
  await using bed = await CacheBed.open(places());
  await run("web", ["--label", "tier=front", "--annotation", "note=x"], "sh", "-c", "sleep 1; exit 3");
  await bed.seeing("web", "running");
  await host.ctr("tasks", "exec", "--exec-id", "probe", "web", "true");
  await host.ctr("tasks", "pause", "web");
  await bed.seeing("web", "updated state=paused");
  await host.ctr("tasks", "resume", "web");
  await bed.seeing("web", "updated state=running");
  await host.ctr("containers", "label", "web", "tier=back");
  await bed.seeing("web", "updated labels");
  await bed.seeing("web", "exited 3");
  const info = bed.cache.lookupContainer("web");
  assert.ok(info);
  assert.equal([info.name, info.runtime, info.state], ["web", ContainerRuntime.Containerd, ContainerState.Exited]);
  assert.equal([info.imageName, info.labels.tier, info.pod], [IMAGE, "back", undefined]);
  assert.match(info.imageDigest, /^sha256:[0-9a-f]{64}$/);
  assert.is(info.imageId, info.imageDigest);
  assert.ok(info.pid > 0);
  assert.equal([info.exitCode, info.exitStatus, info.exitSignal, info.oomKilled], [3 << 8, 3, 0, false]);
  const times = [info.createdTime ?? 0, info.startedTime ?? 0, info.finishedTime ?? 0];
  assert.equal(
    times,
    [...times].sort((a, b) => a - b),
  );
  assert.ok(Math.abs((times[2] ?? 0) - Date.now()) < 60_000);
  assert.is(info.cgroupPath, "/default/web");
  assert.equal(JSON.parse(info.jsonConfig).namespace, "default");
  const oci = JSON.parse(info.ociConfig);
  assert.equal([oci.process.args, oci.annotations.note], [["sh", "-c", "sleep 1; exit 3"], "x"]);
  await host.ctr("containers", "delete", "web");
  await bed.seeing("web", "destroyed");
  const told = [
    "created",
    "running",
    "updated state=paused",
    "updated state=running",
    "updated labels",
    "exited 3",
    "destroyed",
  ];
  assert.equal(bed.of("web"), told);
  assert.is(bed.cache.stats().failedRequests, 0);
});

containerd("a container of Kubernetes is told with its pod", async () => {
  await using bed = await CacheBed.open(places());
  const uid = "3a1b2c3d-0001-4002-8003-0123456789ab";
  const id = "0123456789abcdef".repeat(4);
  const labels = { "pod.name": "web-0", "pod.namespace": "shop", "pod.uid": uid, "container.name": "front" };
  const options = Object.entries(labels).flatMap(([key, value]) => ["--label", `io.kubernetes.${key}=${value}`]);
  const cgroup = `/kubepods/besteffort/pod${uid}/${id}`;
  const found = await bed.attributions("/tmp/../bin/sh");
  const command = ["/tmp/../bin/sh", "-c", "sleep 0.2; exit 1"];
  await host.ctr("-n", "k8s.io", "run", "-d", "--null-io", "--cgroup", cgroup, ...options, IMAGE, id, ...command);
  await bed.seeing(id, "exited 1");
  const info = bed.cache.lookupContainer(id);
  assert.equal(info?.pod, { name: "web-0", namespace: "shop", uid, containerName: "front" });
  assert.equal([info?.name, info?.cgroupPath], ["front", cgroup]);
  assert.equal(found, [{ id, name: "front" }]);
  await host.ctr("-n", "k8s.io", "containers", "delete", id);
  await bed.seeing(id, "destroyed");
});

containerd("what ends a container from outside is told", async () => {
  await using bed = await CacheBed.open(places());
  await run("killed", [], "sleep", "100");
  await bed.seeing("killed", "running");
  process.kill(bed.cache.lookupContainer("killed")?.pid || Number.NaN, "SIGKILL");
  await bed.seeing("killed", "exited SIG9");
  await run("big", ["--memory-limit", `${16 << 20}`], "sh", "-c", "exec tail /dev/zero");
  await bed.seeing("big", "exited SIG9 OOM");
  await host.ctr("containers", "delete", "killed", "big");
  await bed.seeing("big", "destroyed");
  assert.equal(bed.of("killed"), ["created", "running", "exited SIG9", "destroyed"]);
  assert.equal(bed.of("big"), ["created", "running", "exited SIG9 OOM", "destroyed"]);
});

containerd("twenty at once are each told once and in order", async () => {
  await using bed = await CacheBed.open(places());
  const found = await bed.attributions("/tmp/../bin/true");
  const ids = Array.from({ length: 20 }, (_, index) => `crowd-${index}`);
  await Promise.all(ids.map((id) => host.ctr("run", "--rm", "--null-io", IMAGE, id, "/tmp/../bin/true")));
  for (const id of ids) {
    await bed.seeing(id, "destroyed");
    const told = bed.of(id).filter((what) => !what.startsWith("updated"));
    assert.equal(told, ["created", "running", "exited 0", "destroyed"]);
  }
  assert.equal(found.map(({ id }) => id).sort(), [...ids].sort());
});

containerd("a daemon that is killed and comes back makes nothing told twice", async () => {
  await using bed = await CacheBed.open(places());
  await run("lasting", [], "sleep", "100");
  await run("ending", [], "sleep", "100");
  await bed.seeing("ending", "running");
  await host.stop("SIGKILL");
  await bed.until(() => bed.cache.runtimes().some(({ condition }) => condition === "failed"), "failed");
  process.kill(bed.cache.lookupContainer("ending")?.pid || Number.NaN, "SIGKILL");
  await bed.seeing("ending", "exited SIG9");
  await host.start();
  await bed.until(() => bed.cache.runtimes().some(({ condition }) => condition === "connected"), "connected");
  await run("fresh", [], "sh", "-c", "exit 7");
  await bed.seeing("fresh", "exited 7");
  assert.equal(bed.of("lasting"), ["created", "running"]);
  assert.equal(bed.of("ending"), ["created", "running", "exited SIG9"]);
  const facts = (cache: CacheBed) => {
    const info = cache.cache.lookupContainer("lasting");
    return info && [info.name, info.state, info.pid, info.imageId, info.createdTime, info.cgroupPath];
  };
  await using again = await CacheBed.open(places());
  assert.equal(facts(again), facts(bed));
  assert.equal([...again.of("lasting"), ...again.of("ending")], []);
});

test.run();
