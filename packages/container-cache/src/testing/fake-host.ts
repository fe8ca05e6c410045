import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type EventMonitor, UserRegister } from "@kernscope/perf";
import { FakeKernel, format } from "@kernscope/perf/testing";
import { ContainerCache } from "../container-cache.js";
import type { ContainerExitedEvent, ContainerUpdatedEvent } from "../container-events.js";
import type { ContainerInfo } from "../container-info.js";
import { ContainerStateNames } from "../container-state.js";
import type { ContainerCacheOptions, RuntimePlaces } from "../options.js";

/** Nothing is looked for but what a test names. */
export const nowhere: Required<RuntimePlaces> = {
  dockerSockets: [],
  dockerRoots: [],
  containerdSockets: [],
  containerdStates: [],
  podmanSockets: [],
  storageRoots: [],
  storageRunRoots: [],
  ociRoots: [],
};

const cgroupFields = [
  "int root;	offset:8;	size:4;	signed:1;",
  "int level;	offset:12;	size:4;	signed:1;",
  "u64 id;	offset:16;	size:8;	signed:0;",
  "__data_loc char[] path;	offset:24;	size:4;	signed:0;",
];
const formats = {
  "cgroup/cgroup_mkdir": format("cgroup_mkdir", 544, cgroupFields),
  "cgroup/cgroup_rmdir": format("cgroup_rmdir", 545, cgroupFields),
  "cgroup/cgroup_freeze": format("cgroup_freeze", 546, cgroupFields),
  "cgroup/cgroup_unfreeze": format("cgroup_unfreeze", 547, cgroupFields),
  "oom/mark_victim": format("mark_victim", 609, ["int pid;	offset:8;	size:4;	signed:1;"]),
};

/** A host without a kernel: events are what a test makes, /proc and the cgroups' mount are folders. */
export class FakeHost implements AsyncDisposable {
  readonly kernel: FakeKernel;
  readonly monitor: EventMonitor;
  readonly cache: ContainerCache;
  /** One line for each event: the first two letters of the id and what happened. */
  readonly seen: string[] = [];
  readonly folder: string;
  readonly #running: Promise<void>;

  static async open(
    places: RuntimePlaces = {},
    { options = {}, cgroups = [] }: { options?: ContainerCacheOptions; cgroups?: readonly string[] } = {},
  ): Promise<FakeHost> {
    const folder = mkdtempSync(join(tmpdir(), "fake-host-"));
    const mount = join(folder, "cgroup");
    for (const path of ["/", ...cgroups]) mkdirSync(join(mount, path), { recursive: true });
    mkdirSync(join(folder, "proc/self"), { recursive: true });
    writeFileSync(join(folder, "proc/cgroups"), "#subsys_name\thierarchy\tnum_cgroups\tenabled\nperf_event\t0\t1\t1\n");
    writeFileSync(join(folder, "proc/self/mountinfo"), `40 31 0:38 / ${mount} rw - cgroup2 cgroup2 rw\n`);
    const kernel = new FakeKernel({ formats });
    const monitor = await kernel.openMonitor();
    const cache = await ContainerCache.open(monitor, {
      procRoot: join(folder, "proc"),
      lookInterval: 20,
      requestTimeout: 200,
      ...options,
      runtimes: { ...nowhere, ...places },
    });
    return new FakeHost(kernel, monitor, cache, folder);
  }

  private constructor(kernel: FakeKernel, monitor: EventMonitor, cache: ContainerCache, folder: string) {
    this.kernel = kernel;
    this.monitor = monitor;
    this.cache = cache;
    this.folder = folder;
    const keep = (event: number, textOf: (data: never) => string) => {
      monitor.addHandler<{ container: ContainerInfo }>(event, (_, data) => {
        this.seen.push(`${data.container.id.slice(0, 2)} ${textOf(data as never)}`);
      });
    };
    keep(cache.createdEventId, () => "created");
    keep(cache.runningEventId, () => "running");
    keep(cache.exitedEventId, ({ exitStatus, exitSignal, oomKilled }: ContainerExitedEvent) => {
      return `exited ${exitSignal ? `SIG${exitSignal}` : exitStatus}${oomKilled ? " OOM" : ""}`;
    });
    keep(cache.destroyedEventId, () => "destroyed");
    keep(cache.updatedEventId, ({ changes, state }: ContainerUpdatedEvent) => {
      return `updated ${changes.map((field) => (field === "state" ? ContainerStateNames[state] : field)).join(" ")}`;
    });
    this.#running = monitor.run();
  }

  /** A cgroup is made by the process `by`. */
  makeCgroup(id: number, path: string, by = 1): void {
    this.kernel.emit("cgroup/cgroup_mkdir", { root: 0, level: 1, id: BigInt(id), path }, { pid: by, tid: by });
    this.kernel.deliver();
  }

  removeCgroup(id: number, path: string): void {
    this.kernel.emit("cgroup/cgroup_rmdir", { root: 0, level: 1, id: BigInt(id), path }, { pid: 1, tid: 1 });
    this.kernel.deliver();
  }

  exec(pid: number, cgroup: number, filename = "/bin/sh"): void {
    const values = { filename, pid, old_pid: pid };
    this.kernel.emit("sched/sched_process_exec", values, { pid, tid: pid, cgroup });
    this.kernel.deliver();
  }

  /** A process gives `code` to exit(2), or is killed. */
  exit(pid: number, code: number | undefined): void {
    const { x64, arm64 } = UserRegister;
    const userRegisters =
      process.arch === "arm64"
        ? { [arm64.X0]: BigInt(code ?? 0), [arm64.X7]: 0n, [arm64.X8]: code === undefined ? 63n : 94n }
        : { [x64.AX]: code === undefined ? 0n : -38n, [x64.BX]: 0n, [x64.DI]: BigInt(code ?? 0) };
    const values = { comm: "x", pid, group_dead: 1 };
    this.kernel.emit("sched/sched_process_exit", values, { pid, tid: pid, sample: { userRegisters } });
    this.kernel.deliver();
  }

  /** Lets time pass until something holds, but not for ever. */
  async until(holds: () => boolean): Promise<void> {
    for (let turn = 0; turn < 1000 && !holds(); turn++) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      this.kernel.clock.advance(5_000_000);
      this.kernel.deliver();
    }
  }

  /** The Unix time of now in this host, as Docker writes it. */
  time(): string {
    return new Date(this.monitor.clock.toUnixMillis(this.monitor.clock.now())).toISOString();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.monitor.stop();
    await this.#running;
    await this.cache.close();
    await this.monitor.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
