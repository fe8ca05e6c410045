import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { programs } from "./install.js";
import { Daemon, type Ran, run, succeed } from "./program.js";
import { makeRoot, packImage } from "./root-files.js";
import { unmountBelow } from "./unmount.js";

/** The image that beds have. */
export const IMAGE = "docker.io/library/kernscope-bed:1";

/** containerd with folders of its own, and an image of busybox. */
export class ContainerdBed implements AsyncDisposable {
  readonly folder: string;
  readonly socket: string;
  readonly state: string;
  #daemon: Daemon | undefined;

  static async open({ cri = false, image: wanted = true } = {}): Promise<ContainerdBed> {
    const bed = new ContainerdBed(cri);
    try {
      await bed.start();
      if (wanted) {
        const image = await packImage(bed.folder, makeRoot(join(bed.folder, "root")), IMAGE);
        await bed.ctr("images", "import", image);
        await bed.ctr("-n", "k8s.io", "images", "import", image);
      }
      return bed;
    } catch (error) {
      await bed[Symbol.asyncDispose]();
      throw error;
    }
  }

  private constructor(cri: boolean) {
    this.folder = mkdtempSync(join(tmpdir(), "kc-"));
    this.socket = join(this.folder, "c.sock");
    this.state = join(this.folder, "s");
    const config = [
      "version = 2",
      `root = "${join(this.folder, "data")}"`,
      `state = "${this.state}"`,
      `disabled_plugins = [${cri ? "" : '"io.containerd.grpc.v1.cri"'}]`,
      "[grpc]",
      `  address = "${this.socket}"`,
      '[plugins."io.containerd.internal.v1.opt"]',
      `  path = "${join(this.folder, "opt")}"`,
      '[plugins."io.containerd.grpc.v1.cri"]',
      "  restrict_oom_score_adj = true",
      `  sandbox_image = "${IMAGE}"`,
    ];
    writeFileSync(join(this.folder, "config.toml"), `${config.join("\n")}\n`);
  }

  get pid(): number {
    return this.#daemon?.pid ?? 0;
  }

  async start(): Promise<void> {
    const log = join(this.folder, "log");
    const args = ["--config", join(this.folder, "config.toml")];
    rmSync(this.socket, { force: true });
    this.#daemon = await Daemon.start(programs.containerd.path, args, { log, socket: this.socket });
  }

  /** Ends the daemon; its containers go on. */
  async stop(signal?: "SIGTERM" | "SIGKILL"): Promise<void> {
    await this.#daemon?.stop(signal);
    this.#daemon = undefined;
  }

  /** Runs containerd's own client in its namespace `default`, which has to succeed. */
  ctr(...args: readonly string[]): Promise<string> {
    return succeed(programs.ctr.path, ["-a", this.socket, ...args]);
  }

  tryCtr(...args: readonly string[]): Promise<Ran> {
    return run(programs.ctr.path, ["-a", this.socket, ...args]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#daemon !== undefined) {
      for (const namespace of ["default", "k8s.io"]) {
        const ids = (await this.tryCtr("-n", namespace, "containers", "list", "-q")).stdout.split("\n").filter(Boolean);
        for (const id of ids) {
          await this.tryCtr("-n", namespace, "tasks", "delete", "--force", id);
          await this.tryCtr("-n", namespace, "containers", "delete", id);
        }
      }
    }
    await this.stop();
    unmountBelow(this.folder);
    rmSync(this.folder, { recursive: true, force: true });
  }
}
