import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { IMAGE } from "./containerd-bed.js";
import { programs } from "./install.js";
import { Daemon, type Ran, run, succeed } from "./program.js";
import { makeRoot, packImage } from "./root-files.js";
import { unmountBelow } from "./unmount.js";

/** podman with folders of its own, and an image of busybox. */
export class PodmanBed implements AsyncDisposable {
  readonly folder: string;
  readonly socket: string;
  readonly root: string;
  readonly runRoot: string;
  #daemon: Daemon | undefined;

  static async open(): Promise<PodmanBed> {
    const bed = new PodmanBed();
    try {
      const image = await packImage(bed.folder, makeRoot(join(bed.folder, "files")), IMAGE);
      await bed.podman("load", "-i", image);
      return bed;
    } catch (error) {
      await bed[Symbol.asyncDispose]();
      throw error;
    }
  }

  private constructor() {
    this.folder = mkdtempSync(join(tmpdir(), "kp-"));
    this.socket = join(this.folder, "p.sock");
    this.root = join(this.folder, "data");
    this.runRoot = join(this.folder, "run");
    mkdirSync(join(this.folder, "tmp"));
    const config = [
      "[containers]",
      'default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]',
      'log_driver = "k8s-file"',
      'netns = "host"',
      "[engine]",
      'cgroup_manager = "cgroupfs"',
      'events_logger = "file"',
      'runtime = "runc"',
      `tmp_dir = "${join(this.folder, "tmp")}"`,
      "[engine.runtimes]",
      `runc = ["${programs.runc.path}"]`,
    ];
    writeFileSync(join(this.folder, "containers.conf"), `${config.join("\n")}\n`);
  }

  /** Starts the service that answers Docker's API. */
  async start(): Promise<void> {
    rmSync(this.socket, { force: true });
    const args = [...this.#options(), "system", "service", "--time=0", `unix://${this.socket}`];
    const log = join(this.folder, "log");
    this.#daemon = await Daemon.start(programs.podman.path, args, {
      log,
      socket: this.socket,
      ...this.#place(),
    });
  }

  async stop(signal?: "SIGTERM" | "SIGKILL"): Promise<void> {
    await this.#daemon?.stop(signal);
    this.#daemon = undefined;
  }

  /** Runs podman, which has to succeed. */
  podman(...args: readonly string[]): Promise<string> {
    return succeed(programs.podman.path, [...this.#options(), ...args], this.#place());
  }

  tryPodman(...args: readonly string[]): Promise<Ran> {
    return run(programs.podman.path, [...this.#options(), ...args], this.#place());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.tryPodman("rm", "-af", "-t", "0");
    await this.stop();
    unmountBelow(this.folder);
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** conmon leaves a file in its working directory when a container runs out of memory. */
  #place() {
    return { cwd: this.folder, env: this.#environment() };
  }

  #options(): string[] {
    return ["--root", this.root, "--runroot", this.runRoot, "--storage-driver", "overlay"];
  }

  #environment(): NodeJS.ProcessEnv {
    return { ...process.env, CONTAINERS_CONF: join(this.folder, "containers.conf") };
  }
}
