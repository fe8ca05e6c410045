import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ContainerdBed, IMAGE } from "./containerd-bed.js";
import { programs } from "./install.js";
import { Daemon, type Ran, run, succeed } from "./program.js";
import { makeRoot, packImage } from "./root-files.js";
import { unmountBelow } from "./unmount.js";

/** dockerd with folders and a containerd of its own, and an image of busybox. */
export class DockerBed implements AsyncDisposable {
  readonly folder: string;
  readonly socket: string;
  readonly root: string;
  /** What it runs its containers with. */
  readonly containerd: ContainerdBed;
  #daemon: Daemon | undefined;

  static async open(): Promise<DockerBed> {
    const bed = new DockerBed(await ContainerdBed.open({ image: false }));
    try {
      await bed.start();
      const image = await packImage(bed.folder, makeRoot(join(bed.folder, "files")), IMAGE);
      await bed.docker("load", "-i", image);
      return bed;
    } catch (error) {
      await bed[Symbol.asyncDispose]();
      throw error;
    }
  }

  private constructor(containerd: ContainerdBed) {
    this.containerd = containerd;
    this.folder = mkdtempSync(join(tmpdir(), "kd-"));
    this.socket = join(this.folder, "d.sock");
    this.root = join(this.folder, "data");
  }

  get pid(): number {
    return this.#daemon?.pid ?? 0;
  }

  async start(): Promise<void> {
    rmSync(this.socket, { force: true });
    rmSync(join(this.folder, "pid"), { force: true });
    const args = ["--data-root", this.root, "--exec-root", join(this.folder, "x"), "-p", join(this.folder, "pid")];
    args.push("-H", `unix://${this.socket}`, "--storage-driver", "overlay2", "--bridge=none", "--iptables=false");
    args.push("--ip6tables=false", "--ip-forward=false", "--live-restore", "--containerd", this.containerd.socket);
    const log = join(this.folder, "log");
    this.#daemon = await Daemon.start(programs.dockerd.path, args, { log, socket: this.socket });
    for (let turn = 0; turn < 100; turn++) {
      if ((await this.tryDocker("version")).status === 0) return;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    throw new Error(`dockerd (${this.socket}): does not answer`);
  }

  /** Ends the daemon; its containers go on. */
  async stop(signal?: "SIGTERM" | "SIGKILL"): Promise<void> {
    await this.#daemon?.stop(signal);
    this.#daemon = undefined;
  }

  /** Runs Docker's own client, which has to succeed. */
  docker(...args: readonly string[]): Promise<string> {
    return succeed(programs.docker.path, ["-H", `unix://${this.socket}`, ...args]);
  }

  tryDocker(...args: readonly string[]): Promise<Ran> {
    return run(programs.docker.path, ["-H", `unix://${this.socket}`, ...args]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#daemon !== undefined) {
      const ids = (await this.tryDocker("ps", "-aq")).stdout.split("\n").filter(Boolean);
      if (ids.length > 0) await this.tryDocker("rm", "-f", ...ids);
    }
    await this.stop();
    await this.containerd[Symbol.asyncDispose]();
    unmountBelow(this.folder);
    rmSync(this.folder, { recursive: true, force: true });
  }
}
