import { ContainerdBed, CriClient, IMAGE, provide } from "@kernscope/container-beds";
import { requires } from "@kernscope/test-support";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { CacheBed } from "./cache-bed.test.support.js";
import { ContainerRuntime, ContainerState } from "./container-state.js";

const cri = requires({ root: true, perf: true, programs: provide("containerd", "ctr", "runc", "busybox") });
let host: ContainerdBed;

test.before(async () => {
  if (process.geteuid?.() === 0) host = await ContainerdBed.open({ cri: true });
});
test.after(async () => {
  await host?.[Symbol.asyncDispose]();
});

cri("a pod's sandbox and containers are told with the pod, from their first program on", async () => {
  using client = new CriClient(host.socket);
  await using bed = await CacheBed.open({ containerdSockets: [host.socket], containerdStates: [host.state] });
  const pod = { name: "web-0", namespace: "shop", uid: "3a1b2c3d-0001-4002-8003-0123456789ab" };
  const found = await bed.attributions("/tmp/../bin/sh");
  const sandbox = await client.runPod(pod);
  await bed.seeing(sandbox, "running");
  const id = await client.create(pod, sandbox, "front", IMAGE, ["/tmp/../bin/sh", "-c", "sleep 0.3; exit 3"]);
  await bed.seeing(id, "created");
  await client.start(id);
  await bed.seeing(id, "running");
  await bed.seeing(id, "exited 3");
  const info = bed.cache.lookupContainer(id);
  assert.ok(info);
  assert.equal([info.name, info.runtime, info.state], ["front", ContainerRuntime.Containerd, ContainerState.Exited]);
  assert.equal(info.pod, { name: "web-0", namespace: "shop", uid: pod.uid, containerName: "front" });
  assert.is(info.imageName, IMAGE);
  assert.is(info.cgroupPath, `/kubepods/besteffort/pod${pod.uid}/${id}`);
  assert.equal(found, [{ id, name: "front" }]);
  const outer = bed.cache.lookupContainer(sandbox);
  assert.equal(outer?.pod, { name: "web-0", namespace: "shop", uid: pod.uid, containerName: "" });
  await client.remove(id);
  await bed.seeing(id, "destroyed");
  await client.removePod(sandbox);
  await bed.seeing(sandbox, "destroyed");
  for (const each of [id, sandbox]) {
    const told = bed.of(each).map((what) => what.replace(/^exited .*/, "exited"));
    assert.equal(
      told.filter((what) => !what.startsWith("updated")),
      ["created", "running", "exited", "destroyed"],
    );
  }
});

test.run();
