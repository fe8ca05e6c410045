import { existsSync, readFileSync, statSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { parseCgroupPath } from "../cgroup-path.js";
import { ContainerRuntime, ContainerState } from "../container-state.js";
import { podOf } from "../kubernetes.js";
import { readBounded } from "./bounded-file.js";
import { cgroupPathOf, namesIn, readOciConfig } from "./bundles.js";
import { FolderWatch } from "./folder-watch.js";
import { parseJson, textsAt } from "./json.js";
import { type OciState, ociState } from "./runc-state.js";
import type { RuntimeContext, RuntimeSource, RuntimeStatus } from "./runtime.js";

export interface RuncPlaces {
  readonly roots: readonly string[];
}

export const runtime = ContainerRuntime.Runc;

/** runc and crun where they are called directly: by their folders, in which each container has one of its own. */
export function openSource(context: RuntimeContext, places: RuncPlaces): RuntimeSource {
  return new RuncSource(context, places);
}

/** Milliseconds between two looks at whether containers are paused: version 1 of cgroups does not tell. */
const FREEZER_TIME = 250;
/** Names that are remembered, and milliseconds for which. */
const SEEN_LIMIT = 4096;
const SEEN_TIME = 10_000;
/** Ids that the OCI runtimes accept. */
const ID = /^[\w+.-]{1,1024}$/;

interface Container {
  readonly id: string;
  readonly folder: string;
  readonly watch: FolderWatch;
  /** Its freezer of version 1. */
  freezer: string;
  /** Another runtime's, which knows better. */
  foreign: boolean;
}

class RuncSource implements RuntimeSource {
  readonly name = "runc";
  readonly runtime = runtime;
  readonly ready: Promise<void>;
  readonly #context: RuntimeContext;
  readonly #roots: readonly string[];
  readonly #watches = new Map<string, FolderWatch>();
  readonly #containers = new Map<string, Container>();
  /** Names that were seen in the roots, and when: some are gone before anybody looks. */
  readonly #seen = new Map<string, number>();
  /** Recognised containers that no look has found yet. */
  readonly #recognised = new Set<string>();
  #isReady: () => void = () => {};
  #timer: NodeJS.Timeout | undefined;

  constructor(context: RuntimeContext, { roots }: RuncPlaces) {
    this.#context = context;
    this.#roots = roots;
    this.ready = new Promise((resolve) => {
      this.#isReady = resolve;
    });
  }

  get status(): RuntimeStatus {
    const found = this.#watches.size > 0;
    const missing = this.#roots.length === 0 ? "left out" : `no folder at ${this.#roots.join(" or ")}`;
    return { name: this.name, found, condition: found ? "files" : "absent", reason: found ? "" : missing };
  }

  recognise(path: string, id: string | undefined): string | undefined {
    const name = id ?? basename(path);
    // The state, once it is written, says which cgroup it has.
    const known = this.#context.lookup(name)?.cgroupPath;
    if (known) return known === path ? name : undefined;
    const found = this.#isThere(name) ? name : id === undefined ? this.#idOf(path) : undefined;
    if (found !== undefined && !this.#containers.has(found)) {
      this.#recognised.add(found);
      for (const watch of this.#watches.values()) void watch.changed();
    }
    return found;
  }

  look(): void {
    for (const root of this.#roots) {
      if (this.#watches.has(root) || !existsSync(root)) continue;
      const watch = new FolderWatch(
        root,
        () => this.#scan(root),
        (name) => this.#noteName(name),
      );
      this.#watches.set(root, watch);
      this.#context
        .watched()
        .then(() => watch.start())
        .then(this.#isReady, this.#isReady);
    }
    if (this.#watches.size === 0) this.#isReady();
    for (const [root, watch] of this.#watches) if (!existsSync(root)) this.#leave(root, watch);
  }

  async close(): Promise<void> {
    this.#isReady();
    clearInterval(this.#timer);
    for (const watch of this.#watches.values()) watch.close();
    for (const { watch } of this.#containers.values()) watch.close();
    this.#containers.clear();
  }

  #leave(root: string, watch: FolderWatch): void {
    watch.close();
    this.#watches.delete(root);
    for (const container of this.#containers.values()) {
      if (container.folder.startsWith(`${root}/`)) this.#drop(container);
    }
  }

  async #scan(root: string): Promise<void> {
    const present = new Set(namesIn(root).filter((name) => ID.test(name) && existsSync(join(root, name))));
    for (const container of this.#containers.values()) {
      const { id, folder } = container;
      if (folder === join(root, id) && !present.has(id)) this.#drop(container);
    }
    for (const id of this.#recognised) {
      if (!this.#roots.some((each) => existsSync(join(each, id)))) this.#context.remove(id);
      else if (!present.has(id)) continue;
      this.#recognised.delete(id);
    }
    const fresh = [...present].filter((id) => !this.#containers.has(id));
    await Promise.all(fresh.map((id) => this.#follow(id, join(root, id))));
  }

  #noteName(name: string): void {
    this.#seen.delete(name);
    this.#seen.set(name, performance.now());
    if (this.#seen.size > SEEN_LIMIT) this.#seen.delete(this.#seen.keys().next().value as string);
  }

  #isThere(name: string): boolean {
    if (!ID.test(name)) return false;
    const seen = this.#seen.get(name);
    if (seen !== undefined && performance.now() - seen < SEEN_TIME) return true;
    return this.#roots.some((root) => existsSync(join(root, name)));
  }

  async #follow(id: string, folder: string): Promise<void> {
    const watch = new FolderWatch(folder, () => this.#read(container));
    const container: Container = { id, folder, watch, freezer: "", foreign: false };
    this.#containers.set(id, container);
    await watch.start();
  }

  #drop(container: Container): void {
    container.watch.close();
    if (this.#containers.get(container.id) === container) this.#containers.delete(container.id);
    if (!container.foreign) this.#context.remove(container.id);
  }

  async #read(container: Container): Promise<void> {
    const { id, folder } = container;
    const found = (await this.#state(folder, id)) ?? undefined;
    if (found === undefined || container.foreign) return;
    const { state, text } = found;
    const ociConfig = state.bundle === "" ? "" : await readOciConfig(state.bundle, this.#context);
    const cgroupPath = this.#cgroupPath(state) || cgroupPathOf(ociConfig) || `/${id}`;
    const [named] = parseCgroupPath(cgroupPath);
    if (named !== undefined && named.runtime !== ContainerRuntime.Unknown && named.runtime !== runtime) {
      container.foreign = true;
      return;
    }
    if (this.#containers.get(id) !== container) return;
    const freezer = state.cgroups.freezer;
    container.freezer = freezer === undefined ? "" : join(freezer, "freezer.state");
    if (container.freezer !== "") this.#watchFreezers();
    const waits = existsSync(join(folder, "exec.fifo"));
    const runs = !waits && this.#lives(state);
    const isOld = (state.createdTime ?? 0) < this.#context.opened;
    const annotations = textsAt(parseJson(ociConfig), "annotations");
    this.#context.update(
      id,
      {
        name: id,
        createdTime: state.createdTime,
        cgroupPath,
        jsonConfig: text,
        ociConfig,
        labels: annotations,
        pod: podOf(annotations),
        pid: runs ? state.pid : undefined,
        // Where its process is gone already, the kernel tells of its beginning and end.
        state: runs ? ContainerState.Running : isOld && !waits ? ContainerState.Exited : ContainerState.Created,
      },
      { settled: true },
    );
  }

  async #state(folder: string, id: string): Promise<{ state: OciState; text: string } | undefined> {
    for (const name of ["state.json", "status"]) {
      const read = await readBounded(join(folder, name), this.#context.maxConfig);
      if (read?.large) this.#context.oversized();
      const state = read && ociState(parseJson(read.text), id);
      if (read !== undefined && state !== undefined) return { state, text: read.text };
    }
    return undefined;
  }

  #cgroupPath({ cgroups, cgroupPath }: OciState): string {
    const { cgroupMount } = this.#context;
    if (cgroupPath.startsWith("/") || cgroupMount === "") return cgroupPath;
    const found = Object.values(cgroups).find((path) => path.startsWith(`${cgroupMount}/`));
    return found?.slice(cgroupMount.length) ?? "";
  }

  #lives({ pid, startTick }: OciState): boolean {
    try {
      const stat = readFileSync(`${this.#context.procRoot}/${pid}/stat`, "latin1");
      const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      if (fields[0] === "Z" || fields[0] === "X") return false;
      return startTick === undefined || Number(fields[19]) === startTick;
    } catch {
      return false;
    }
  }

  /** Looks into the states that have not been taken in yet for one that has this cgroup. */
  #idOf(path: string): string | undefined {
    for (const root of this.#watches.keys()) {
      for (const id of namesIn(root).slice(0, 256)) {
        if (!ID.test(id) || this.#context.lookup(id)?.cgroupPath) continue;
        const state = this.#stateNow(join(root, id, "state.json"), id);
        if (state !== undefined && this.#cgroupPath(state) === path) return id;
      }
    }
    return undefined;
  }

  #stateNow(file: string, id: string): OciState | undefined {
    try {
      const found = statSync(file);
      if (!found.isFile() || found.size > this.#context.maxConfig) return undefined;
      return ociState(parseJson(readFileSync(file, "utf8")), id);
    } catch {
      return undefined;
    }
  }

  #watchFreezers(): void {
    if (this.#timer !== undefined) return;
    this.#timer = setInterval(() => void this.#readFreezers(), FREEZER_TIME);
    this.#timer.unref();
  }

  async #readFreezers(): Promise<void> {
    let any = false;
    for (const { id, freezer } of this.#containers.values()) {
      const info = this.#context.lookup(id);
      const paused = info?.state === ContainerState.Paused;
      if (freezer === "" || (!paused && info?.state !== ContainerState.Running)) continue;
      any = true;
      const text = await readFile(freezer, "latin1").catch(() => "");
      const frozen = text.startsWith("FROZEN");
      if (text === "" || frozen === paused || this.#context.lookup(id)?.state !== info.state) continue;
      this.#context.update(id, { state: frozen ? ContainerState.Paused : ContainerState.Running });
    }
    if (any) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
