import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { programs } from "./install.js";
import { type Ran, run, succeed } from "./program.js";
import { makeRoot } from "./root-files.js";

export interface RuncContainer {
  readonly args: readonly string[];
  /** Left out: runc's own choice. */
  readonly cgroupsPath?: string;
  readonly annotations?: Readonly<Record<string, string>>;
  /** Bytes of memory at most. */
  readonly memory?: number;
}

/** runc with a folder of its own, and bundles of busybox. */
export class RuncBed implements AsyncDisposable {
  readonly folder = mkdtempSync(join(tmpdir(), "kr-"));
  readonly root = join(this.folder, "runc");
  readonly #files: string;

  constructor() {
    mkdirSync(this.root);
    this.#files = makeRoot(join(this.folder, "root"));
  }

  /** Makes a bundle and returns its folder. */
  async bundle(name: string, { args, cgroupsPath, annotations, memory }: RuncContainer): Promise<string> {
    const folder = join(this.folder, "bundles", name);
    mkdirSync(folder, { recursive: true });
    await succeed(programs.runc.path, ["spec", "-b", folder]);
    const file = join(folder, "config.json");
    const config = JSON.parse(readFileSync(file, "utf8"));
    config.process.terminal = false;
    config.process.args = args;
    config.process.rlimits = [];
    config.process.capabilities = {};
    config.root = { path: this.#files, readonly: true };
    if (cgroupsPath !== undefined) config.linux.cgroupsPath = cgroupsPath;
    if (annotations !== undefined) config.annotations = annotations;
    if (memory !== undefined) config.linux.resources.memory = { limit: memory };
    writeFileSync(file, JSON.stringify(config));
    return folder;
  }

  /** Runs runc, which has to succeed. */
  runc(...args: readonly string[]): Promise<string> {
    return succeed(programs.runc.path, ["--root", this.root, ...args]);
  }

  tryRunc(...args: readonly string[]): Promise<Ran> {
    return run(programs.runc.path, ["--root", this.root, ...args]);
  }

  /** Creates a container; it must not hold the caller's pipes, so its output goes nowhere. */
  create(id: string, bundle: string): Promise<string> {
    const command = 'exec "$0" "$@" </dev/null >/dev/null 2>&1';
    return succeed("/bin/sh", ["-c", command, programs.runc.path, "--root", this.root, "create", "-b", bundle, id]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { stdout } = await this.tryRunc("list", "-q");
    for (const id of stdout.split("\n").filter(Boolean)) await this.tryRunc("delete", "-f", id);
    rmSync(this.folder, { recursive: true, force: true });
  }
}
