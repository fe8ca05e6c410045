import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { type ContainerData, ContainerRuntime, ContainerState } from "@kernscope/container-cache";
import { compare } from "@kernscope/expression";
import { requires } from "@kernscope/test-support";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type ContainerPayload, ContainerEventType as Type } from "./payload.js";
import { EventBed } from "./testing/event-bed.js";

const kernel = requires({ root: true, perf: true });
const ID = "0123456789abcdef".repeat(4);
const IMAGE_ID = `sha256:${"fe".repeat(32)}`;

/** A sensor, and a container that the test says all of that a runtime would. */
class ContainerBed implements AsyncDisposable {
  readonly bed: EventBed;
  readonly #path = `/kernscope-sensor-${process.pid}`;
  readonly #folder = join(perfHierarchy(), this.#path);
  readonly #runtime: string;

  static async open(): Promise<ContainerBed> {
    // Processes are watched where there is a container runtime.
    const runtime = mkdtempSync(join(tmpdir(), "kernscope-oci-"));
    return new ContainerBed(await EventBed.open({ containerCache: { runtimes: { ociRoots: [runtime] } } }), runtime);
  }

  private constructor(bed: EventBed, runtime: string) {
    this.bed = bed;
    this.#runtime = runtime;
    mkdirSync(this.#folder);
  }

  tell(data: ContainerData): void {
    const { containerCache, monitor } = this.bed.sensor;
    const info = containerCache!.lookupContainer(ID, { create: true });
    const sample = { pid: 0, tid: 0, cpu: 0, cgroup: 0, elapsed: monitor.clock.now() };
    info.update(ContainerRuntime.Docker, sample, { cgroupPath: this.#path, ...data });
  }

  /** Runs a command in the container's cgroup. */
  async run(command: string): Promise<void> {
    const script = `echo $$ >'${this.#folder}/cgroup.procs'; exec /bin/sh -c '${command}'`;
    await this.bed.runBeside("/bin/sh", "-c", script).catch(() => {});
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.bed[Symbol.asyncDispose]();
    rmSync(this.#runtime, { recursive: true });
    rmdirSync(this.#folder);
  }
}

/** Where the cgroups are that perf events know: version 1 where that has the controller, else version 2. */
function perfHierarchy(): string {
  const lines = readFileSync("/proc/self/mountinfo", "utf8").split("\n");
  const line =
    lines.find((each) => / - cgroup .*\bperf_event\b/.test(each)) ?? lines.find((each) => / - cgroup2 /.test(each));
  return line?.split(" ")[4] ?? "";
}

kernel("events carry the container of their cgroup, and filters by id keep the others out", async () => {
  await using containers = await ContainerBed.open();
  const { bed } = containers;
  containers.tell({ state: ContainerState.Created, name: "web", imageId: IMAGE_ID, imageName: "docker.io/nginx:1" });
  const { events, done } = await bed.gather({
    filters: [{ kind: "process.exec" }, { kind: "ticker", interval: 1_000_000 }],
    containers: { ids: [ID] },
  });
  const all = await bed.gather({ filters: [{ kind: "process.exec" }] });
  await containers.run("/bin/true");
  await bed.run("/bin/true");
  await bed.sensor.stop();
  await Promise.all([done, all.done]);
  assert.ok(events.length >= 1);
  for (const event of events) {
    const { containerId, containerName, imageId, imageName } = event;
    assert.equal([containerId, containerName, imageId, imageName], [ID, "web", IMAGE_ID, "docker.io/nginx:1"]);
  }
  assert.ok(all.events.some(({ containerId, commandLine }) => containerId === "" && commandLine?.[0] === "/bin/true"));
});

kernel("filters by image wait a moment for what the runtime tells, and keep the order", async () => {
  await using containers = await ContainerBed.open();
  const { bed } = containers;
  const filters = [{ kind: "process.exec" as const }];
  const wanted = await bed.gather({ filters, containers: { imageNames: ["docker.io/*/nginx:*"] } });
  const other = await bed.gather({ filters, containers: { imageNames: ["docker.io/nginx:*", "redis*"] } });
  containers.tell({ state: ContainerState.Created });
  await containers.run("/bin/true one; /bin/true two");
  containers.tell({ name: "web", imageId: IMAGE_ID, imageName: "docker.io/library/nginx:1.27" });
  await containers.run("/bin/true three");
  await bed.sensor.stop();
  await Promise.all([wanted.done, other.done]);
  const args = wanted.events.filter(({ commandLine }) => commandLine?.[0] === "/bin/true");
  assert.equal(
    args.map(({ commandLine }) => commandLine?.[1]),
    ["one", "two", "three"],
  );
  for (const { containerName, imageId, imageName } of args) {
    assert.equal([containerName, imageId, imageName], ["web", IMAGE_ID, "docker.io/library/nginx:1.27"]);
  }
  assert.equal(other.events, []);
});

kernel("container events: all five kinds, both views, conditions", async () => {
  await using containers = await ContainerBed.open();
  const { bed } = containers;
  const kinds = ["created", "running", "exited", "destroyed", "updated"] as const;
  const basic = await bed.gather({ filters: kinds.map((kind) => ({ kind: `container.${kind}` as const })) });
  const where = compare("exit_status", "uint32", "eq", 3);
  const full = await bed.gather({
    filters: [
      { kind: "container.exited", where, view: "full" },
      { kind: "container.exited", where: compare("exit_status", "uint32", "eq", 4), view: "full" },
    ],
  });
  const facts = { name: "job", imageId: IMAGE_ID, imageName: "busybox" };
  containers.tell({ state: ContainerState.Created, ...facts, jsonConfig: '{"a":1}', ociConfig: '{"b":2}' });
  const first = spawn("/bin/sh", ["-c", "read line; exit 3"]);
  containers.tell({ state: ContainerState.Running, pid: first.pid });
  containers.tell({ state: ContainerState.Paused });
  first.stdin.end();
  const { containerCache, monitor } = bed.sensor;
  while (containerCache!.lookupContainer(ID)?.state !== ContainerState.Exited) await setTimeout(10);
  const sample = { pid: 0, tid: 0, cpu: 0, cgroup: 0, elapsed: monitor.clock.now() };
  containerCache!.deleteContainer(ID, ContainerRuntime.Docker, sample);
  await bed.sensor.stop();
  await Promise.all([basic.done, full.done]);
  const own = basic.events.filter(({ containerId }) => containerId === ID);
  const values = own.map(({ event }) => event.value as ContainerPayload);
  const { CREATED, RUNNING, UPDATED, EXITED, DESTROYED } = Type;
  assert.equal(
    values.map(({ type }) => type),
    [CREATED, RUNNING, UPDATED, EXITED, DESTROYED],
  );
  for (const value of values) {
    assert.equal([value.name, value.imageId, value.imageName], Object.values(facts));
    assert.is(value.dockerConfigJson, undefined);
  }
  assert.is(values[1]!.hostPid, first.pid);
  const exited = [values[3]!.exitCode, values[3]!.exitStatus, values[3]!.exitSignal];
  assert.equal(exited, [3 << 8, 3, 0]);
  assert.is(full.events.length, 1);
  const { dockerConfigJson, ociConfigJson } = full.events[0]!.event.value as ContainerPayload;
  assert.equal([dockerConfigJson, ociConfigJson], ['{"a":1}', '{"b":2}']);
});

test.run();
