import { DockerBed, provide } from "@kernscope/container-beds";
import { requires } from "@kernscope/test-support";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { CacheBed } from "./cache-bed.test.support.js";
import { ContainerRuntime, ContainerState } from "./container-state.js";

const docker = requires({
  root: true,
  perf: true,
  programs: provide("dockerd", "docker", "containerd", "runc", "busybox"),
});
const short = "kernscope-bed:1";
let host: DockerBed;

test.before(async () => {
  if (process.geteuid?.() === 0) host = await DockerBed.open();
});
test.after(async () => {
  await host?.[Symbol.asyncDispose]();
});

/** Where the daemon is, with its socket or with its files alone. */
function places({ files = false } = {}) {
  const { socket, root, containerd } = host;
  return { dockerSockets: files ? [] : [socket], dockerRoots: [root], containerdStates: [containerd.state] };
}

function create(...args: string[]): Promise<string> {
  return host.docker("create", "--network", "none", ...args);
}

for (const files of [false, true]) {
  docker(
    `the life of a container is told, with every fact, ${files ? "by files alone" : "by the socket"}`,
    async () => {
      await using bed = await CacheBed.open(places({ files }));
      const args = ["--name", "web", "--label", "io.kubernetes.pod.name=web-0", "--label", "tier=front"];
      const id = await create(
        ...args,
        "--label",
        "io.kubernetes.pod.namespace=shop",
        short,
        "sh",
        "-c",
        "sleep 1; exit 3",
      );
      await bed.seeing(id, "created");
      await host.docker("start", id);
      await bed.seeing(id, "running");
      await host.docker("exec", id, "true");
      await host.docker("pause", id);
      await bed.seeing(id, "updated state=paused");
      await host.docker("unpause", id);
      await bed.seeing(id, "updated state=running");
      await host.docker("rename", "web", "shop");
      await bed.seeing(id, "updated name");
      await bed.seeing(id, "exited 3");
      const info = bed.cache.lookupContainer(id);
      assert.ok(info);
      await bed.until(() => info.finishedTime !== undefined);
      const inspected = JSON.parse(await host.docker("inspect", id))[0];
      assert.is(info.name, "shop");
      assert.is(info.runtime, ContainerRuntime.Docker);
      assert.is(info.state, ContainerState.Exited);
      assert.is(info.imageId, inspected.Image);
      assert.is(info.imageName, short);
      assert.is(info.labels.tier, "front");
      assert.equal(info.pod, { name: "web-0", namespace: "shop", uid: "", containerName: "" });
      assert.ok(info.pid > 0);
      assert.equal([info.exitCode, info.exitStatus, info.exitSignal, info.oomKilled], [3 << 8, 3, 0, false]);
      assert.ok(Math.abs((info.createdTime ?? 0) - Date.parse(inspected.Created)) <= 1);
      assert.ok(Math.abs((info.startedTime ?? 0) - Date.parse(inspected.State.StartedAt)) < 1000);
      assert.ok((info.finishedTime ?? 0) > (info.startedTime ?? 0));
      assert.ok(info.cgroupPath.endsWith(id));
      assert.is(JSON.parse(info.jsonConfig).ID ?? JSON.parse(info.jsonConfig).Id, id);
      assert.equal(JSON.parse(info.ociConfig).process.args, ["sh", "-c", "sleep 1; exit 3"]);
      await host.docker("rm", id);
      await bed.seeing(id, "destroyed");
      const told = [
        "created",
        "running",
        "updated state=paused",
        "updated state=running",
        "updated name",
        "exited 3",
        "destroyed",
      ];
      assert.equal(
        bed.of(id).filter((what) => what !== "updated state=removing"),
        told,
      );
      assert.is(bed.cache.lookupContainer(id), undefined);
      assert.is(bed.cache.stats().failedRequests, 0);
    },
  );
}

docker("what ends a container from outside is told", async () => {
  await using bed = await CacheBed.open(places());
  const id = await host.docker("run", "-d", "--network", "none", short, "sleep", "100");
  await bed.seeing(id, "running");
  process.kill(bed.cache.lookupContainer(id)?.pid || Number.NaN, "SIGKILL");
  await bed.seeing(id, "exited SIG9");
  const signalled = await host.docker(
    "run",
    "-d",
    "--network",
    "none",
    short,
    "sh",
    "-c",
    "trap 'exit 5' TERM; while :; do sleep 0.1; done",
  );
  await bed.seeing(signalled, "running");
  await host.docker("stop", signalled);
  await bed.seeing(signalled, "exited 5");
  const oom = await host.docker(
    "run",
    "-d",
    "-m",
    "16m",
    "--network",
    "none",
    short,
    "sh",
    "-c",
    "exec tail /dev/zero",
  );
  await bed.seeing(oom, "exited SIG9 OOM");
  for (const each of [id, signalled, oom]) {
    assert.is(bed.of(each).filter((what) => what === "running").length, 1);
    assert.is(bed.of(each).filter((what) => what.startsWith("exited")).length, 1);
    await host.docker("rm", each);
    await bed.seeing(each, "destroyed");
  }
});

docker("a restart policy's runs are told one by one", async () => {
  await using bed = await CacheBed.open(places());
  const id = await host.docker(
    "run",
    "-d",
    "--restart",
    "on-failure:2",
    "--network",
    "none",
    short,
    "sh",
    "-c",
    "exit 4",
  );
  const info = () => bed.cache.lookupContainer(id);
  const count = (what: string) => bed.of(id).filter((each) => each === what).length;
  await bed.until(
    () => count("exited 4") === 3 && info()?.restartCount === 2 && info()?.state === ContainerState.Exited,
    "3 runs",
  );
  const runs = bed.of(id).filter((what) => !what.startsWith("updated"));
  assert.equal(runs, ["created", "running", "exited 4", "running", "exited 4", "running", "exited 4"]);
  assert.ok(bed.of(id).some((what) => what.includes("state=restarting")));
  await host.docker("rm", id);
  await bed.seeing(id, "destroyed");
});

docker("twenty at once are each told once and in order", async () => {
  await using bed = await CacheBed.open(places());
  const names = Array.from({ length: 20 }, (_, index) => `crowd-${index}`);
  await Promise.all(
    names.map((name) => host.docker("run", "--rm", "--name", name, "--network", "none", short, "true")),
  );
  const byName = (name: string) => bed.seen.find(({ container }) => container.name === name)?.id ?? "";
  for (const name of names) {
    await bed.until(() => bed.of(byName(name)).includes("destroyed"), `${name} destroyed`);
    const told = bed.of(byName(name)).filter((what) => !what.startsWith("updated"));
    assert.equal(told, ["created", "running", "exited 0", "destroyed"], name);
  }
});

docker("each of fifty short lives is attributed from its first program on", async () => {
  await using bed = await CacheBed.open(places());
  const found = await bed.attributions("/tmp/../bin/true");
  for (let batch = 0; batch < 10; batch++) {
    const runs = Array.from({ length: 5 }, () =>
      host.docker("run", "--rm", "--network", "none", short, "/tmp/../bin/true"),
    );
    await Promise.all(runs);
  }
  await bed.until(() => found.length >= 50, "50 programs");
  assert.is(found.length, 50);
  assert.is(new Set(found.map(({ id }) => id)).size, 50);
  assert.not(found.some(({ id }) => id === undefined));
});

docker("a daemon that is killed and comes back makes nothing told twice", async () => {
  await using bed = await CacheBed.open(places());
  const lasting = await host.docker("run", "-d", "--network", "none", short, "sleep", "100");
  const ending = await host.docker("run", "-d", "--network", "none", short, "sleep", "100");
  await bed.seeing(lasting, "running");
  await bed.seeing(ending, "running");
  const pid = bed.cache.lookupContainer(ending)?.pid || Number.NaN;
  await host.stop("SIGKILL");
  process.kill(pid, "SIGKILL");
  await bed.seeing(ending, "exited SIG9");
  await bed.until(() => bed.cache.runtimes()[0]?.condition === "files", "files");
  await host.start();
  await bed.until(() => bed.cache.runtimes()[0]?.condition === "connected", "connected");
  const fresh = await host.docker("run", "-d", "--network", "none", short, "sh", "-c", "exit 7");
  await bed.seeing(fresh, "exited 7");
  assert.equal(bed.of(lasting), ["created", "running"]);
  assert.equal(bed.of(ending), ["created", "running", "exited SIG9"]);
  await host.docker("rm", "-f", lasting, ending, fresh);
  await bed.seeing(lasting, "destroyed");
});

docker("after a restart of the sensor the same facts are found and nothing is told", async () => {
  const id = await host.docker(
    "run",
    "-d",
    "--network",
    "none",
    "--name",
    "stays",
    "--label",
    "a=b",
    short,
    "sleep",
    "100",
  );
  const stopped = await host.docker("run", "-d", "--network", "none", short, "sh", "-c", "exit 9");
  await host.docker("wait", stopped);
  const facts = async () => {
    await using bed = await CacheBed.open(places());
    assert.equal(bed.of(id), []);
    const [info, other] = [bed.cache.lookupContainer(id), bed.cache.lookupContainer(stopped)];
    assert.is(bed.cache.containerOfPath(info?.cgroupPath ?? "")?.id, id);
    assert.equal([other?.state, other?.exitStatus], [ContainerState.Exited, 9]);
    return (
      info && [
        info.name,
        info.state,
        info.pid,
        info.imageId,
        info.labels,
        info.createdTime,
        info.startedTime,
        info.cgroupPath,
      ]
    );
  };
  const first = await facts();
  assert.is(first?.[1], ContainerState.Running);
  assert.equal(await facts(), first);
  await host.docker("rm", "-f", id, stopped);
});

test.run();
