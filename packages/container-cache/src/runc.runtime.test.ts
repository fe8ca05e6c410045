import { existsSync } from "node:fs";
import { join } from "node:path";
import { provide, RuncBed } from "@kernscope/container-beds";
import { requires } from "@kernscope/test-support";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { CacheBed } from "./cache-bed.test.support.js";
import { ContainerRuntime, ContainerState } from "./container-state.js";

const runc = requires({ root: true, perf: true, programs: provide("runc", "busybox") });
let host: RuncBed;

test.before(() => {
  if (process.geteuid?.() === 0) host = new RuncBed();
});
test.after(async () => {
  await host?.[Symbol.asyncDispose]();
});

function places() {
  return { ociRoots: [host.root] };
}

runc("the life of a container is told, with every fact", async () => {
  await using bed = await CacheBed.open(places());
  const annotations = { "io.kubernetes.cri.sandbox-name": "web-0", "io.kubernetes.cri.sandbox-uid": "u" };
  const cgroupsPath = "/kernscope-bed/elsewhere";
  const bundle = await host.bundle("life", { args: ["sh", "-c", "sleep 2; exit 3"], annotations, cgroupsPath });
  await host.create("life", bundle);
  await bed.seeing("life", "created");
  const info = bed.cache.lookupContainer("life");
  assert.ok(info);
  assert.is(info.state, ContainerState.Created);
  await host.runc("start", "life");
  await bed.seeing("life", "running");
  await host.runc("exec", "life", "true");
  await host.runc("pause", "life");
  await bed.seeing("life", "updated state=paused");
  await host.runc("resume", "life");
  await bed.seeing("life", "updated state=running");
  const state = JSON.parse(await host.runc("state", "life"));
  assert.is(info.pid, state.pid);
  await bed.seeing("life", "exited 3");
  assert.equal([info.name, info.runtime, info.state], ["life", ContainerRuntime.Runc, ContainerState.Exited]);
  assert.equal(info.pod, { name: "web-0", namespace: "", uid: "u", containerName: "" });
  assert.is(info.cgroupPath, cgroupsPath);
  assert.equal([info.exitCode, info.exitStatus, info.exitSignal], [3 << 8, 3, 0]);
  assert.ok(Math.abs((info.createdTime ?? 0) - Date.parse(state.created)) <= 1);
  assert.is(JSON.parse(info.jsonConfig).id, "life");
  assert.equal(JSON.parse(info.ociConfig).process.args, ["sh", "-c", "sleep 2; exit 3"]);
  await host.runc("delete", "life");
  await bed.seeing("life", "destroyed");
  const told = ["created", "running", "updated state=paused", "updated state=running", "exited 3", "destroyed"];
  assert.equal(
    bed.of("life").filter((what) => what !== "updated settled"),
    told,
  );
});

runc("each of two hundred short lives is attributed from its first program on, and told whole", async () => {
  await using bed = await CacheBed.open(places());
  const found = await bed.attributions("/tmp/../bin/true");
  const bundle = await host.bundle("short", { args: ["/tmp/../bin/true"] });
  const other = await host.bundle("short-elsewhere", { args: ["/tmp/../bin/true"], cgroupsPath: "/kernscope-bed/x" });
  const ids = Array.from({ length: 200 }, (_, index) => `short-${index}`);
  for (let at = 0; at < ids.length; at += 4) {
    await Promise.all(ids.slice(at, at + 4).map((id) => host.runc("run", "-b", bundle, id)));
  }
  await bed.until(() => found.length >= 200, "200 programs");
  assert.equal(found.map(({ id }) => id).sort(), [...ids].sort());
  for (const id of ids) {
    await bed.seeing(id, "destroyed");
    const told = bed.of(id).filter((what) => !what.startsWith("updated"));
    assert.equal(told, ["created", "running", "exited 0", "destroyed"], id);
  }
  // The cgroup's name says nothing of the container's.
  await host.runc("run", "-b", other, "hidden");
  await bed.until(() => found.length > 200, "the program of the hidden one");
  assert.is(found[200]?.id, "hidden");
});

runc("what ends a container from outside is told", async () => {
  await using bed = await CacheBed.open(places());
  await host.create("killed", await host.bundle("killed", { args: ["sleep", "100"] }));
  await host.runc("start", "killed");
  await bed.seeing("killed", "running");
  process.kill(bed.cache.lookupContainer("killed")?.pid || Number.NaN, "SIGKILL");
  await bed.seeing("killed", "exited SIG9");
  await host.create("big", await host.bundle("big", { args: ["tail", "/dev/zero"], memory: 16 << 20 }));
  await host.runc("start", "big");
  await bed.seeing("big", "exited SIG9 OOM");
  await host.runc("delete", "killed");
  await host.runc("delete", "big");
  await bed.seeing("big", "destroyed");
});

runc("after a restart of the sensor the same facts are found and nothing is told", async () => {
  await host.create("stays", await host.bundle("stays", { args: ["sleep", "100"] }));
  await host.runc("start", "stays");
  const facts = async () => {
    await using bed = await CacheBed.open(places());
    const info = bed.cache.lookupContainer("stays");
    assert.equal(bed.of("stays"), []);
    assert.is(bed.cache.containerOfPath(info?.cgroupPath ?? "")?.id, "stays");
    return info && [info.name, info.state, info.pid, info.createdTime, info.cgroupPath];
  };
  const first = await facts();
  assert.is(first?.[1], ContainerState.Running);
  assert.equal(await facts(), first);
  await host.runc("delete", "-f", "stays");
  assert.not(existsSync(join(host.root, "stays")));
});

test.run();
