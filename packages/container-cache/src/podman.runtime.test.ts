import { PodmanBed, provide } from "@kernscope/container-beds";
import { requires } from "@kernscope/test-support";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { CacheBed } from "./cache-bed.test.support.js";
import { ContainerRuntime, ContainerState } from "./container-state.js";

const podman = requires({ root: true, perf: true, programs: provide("podman", "conmon", "runc", "busybox") });
const image = "kernscope-bed:1";
let host: PodmanBed;

test.before(async () => {
  if (process.geteuid?.() !== 0) return;
  host = await PodmanBed.open();
  await host.start();
});
test.after(async () => {
  await host?.[Symbol.asyncDispose]();
});

function places({ files = false } = {}) {
  const { socket, root, runRoot } = host;
  return { podmanSockets: files ? [] : [socket], storageRoots: [root], storageRunRoots: [runRoot] };
}

for (const files of [false, true]) {
  podman(
    `the life of a container is told, with every fact, ${files ? "by files alone" : "by the socket"}`,
    async () => {
      await using bed = await CacheBed.open(places({ files }));
      const id = await host.podman(
        "create",
        "--name",
        "web",
        "--label",
        "tier=front",
        image,
        "sh",
        "-c",
        "sleep 2; exit 3",
      );
      await bed.seeing(id, "created");
      await host.podman("start", id);
      await bed.seeing(id, "running");
      await host.podman("exec", id, "true");
      if (!files) {
        await host.podman("pause", id);
        await bed.seeing(id, "updated state=paused");
        await host.podman("unpause", id);
        await bed.seeing(id, "updated state=running");
        await host.podman("rename", "web", "shop");
        await bed.until(() => bed.cache.lookupContainer(id)?.name === "shop", "rename");
      }
      await bed.seeing(id, "exited 3");
      const info = bed.cache.lookupContainer(id);
      assert.ok(info);
      const inspected = JSON.parse(await host.podman("inspect", id))[0];
      assert.equal(
        [info.name, info.runtime, info.state],
        [inspected.Name, ContainerRuntime.Podman, ContainerState.Exited],
      );
      assert.equal([info.imageId, info.imageName], [`sha256:${inspected.Image}`, `docker.io/library/${image}`]);
      if (!files) assert.is(info.labels.tier, "front");
      assert.equal([info.exitCode, info.exitStatus, info.exitSignal, info.oomKilled], [3 << 8, 3, 0, false]);
      assert.ok(Math.abs((info.createdTime ?? 0) - Date.parse(inspected.Created)) < 1000);
      assert.ok((info.finishedTime ?? 0) > (info.startedTime ?? 0));
      assert.ok(info.cgroupPath.endsWith(`/libpod-${id}`));
      assert.equal(JSON.parse(info.ociConfig).process.args, ["sh", "-c", "sleep 2; exit 3"]);
      assert.ok(info.jsonConfig.includes(id));
      await host.podman("rm", id);
      await bed.seeing(id, "destroyed");
      const told = bed.of(id).filter((what) => !what.startsWith("updated"));
      assert.equal(told, ["created", "running", "exited 3", "destroyed"]);
    },
  );
}

podman("short lives, and what ends one from outside, are told", async () => {
  await using bed = await CacheBed.open(places());
  const found = await bed.attributions("/tmp/../bin/true");
  for (let round = 0; round < 5; round++) await host.podman("run", "--rm", image, "/tmp/../bin/true");
  await bed.until(() => found.length >= 5, "5 programs");
  assert.is(new Set(found.map(({ id }) => id)).size, 5);
  assert.not(found.some(({ id }) => id === undefined));
  const id = await host.podman("run", "-d", image, "sleep", "100");
  await bed.seeing(id, "running");
  process.kill(bed.cache.lookupContainer(id)?.pid || Number.NaN, "SIGKILL");
  await bed.seeing(id, "exited SIG9");
  await host.podman("rm", id);
  await bed.seeing(id, "destroyed");
});

podman("after a restart of the sensor the same facts are found and nothing is told", async () => {
  const id = await host.podman("run", "-d", "--name", "stays", image, "sleep", "100");
  const facts = async (files: boolean) => {
    await using bed = await CacheBed.open(places({ files }));
    const info = bed.cache.lookupContainer(id);
    assert.equal(bed.of(id), []);
    assert.is(bed.cache.containerOfPath(info?.cgroupPath ?? "")?.id, id);
    return info && [info.name, info.state, info.pid, info.imageId, info.cgroupPath];
  };
  const first = await facts(false);
  assert.is(first?.[1], ContainerState.Running);
  assert.equal(await facts(false), first);
  assert.equal(await facts(true), first);
  await host.podman("rm", "-f", "-t", "0", id);
});

test.run();
