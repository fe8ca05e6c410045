import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { ContainerData } from "../container-info.js";
import { readBounded } from "./bounded-file.js";
import { dockerFacts } from "./docker-facts.js";
import { FolderWatch } from "./folder-watch.js";
import { parseJson, textAt } from "./json.js";
import type { RuntimeContext } from "./runtime.js";

const ID = /^[0-9a-f]{64}$/;
const FILE = "config.v2.json";

/**
 * Follows what dockerd writes below its data folder, where its socket is not to be had. Each container has a folder; its
 * file is written beside it and renamed over it.
 */
export class DockerFiles {
  readonly #context: RuntimeContext;
  readonly #folder: string;
  readonly #addFiles: (id: string, data: ContainerData) => Promise<ContainerData>;
  readonly #containers = new Map<string, FolderWatch>();
  readonly #watch: FolderWatch;

  constructor(
    context: RuntimeContext,
    root: string,
    addFiles: (id: string, data: ContainerData) => Promise<ContainerData>,
  ) {
    this.#context = context;
    this.#folder = join(root, "containers");
    this.#addFiles = addFiles;
    this.#watch = new FolderWatch(this.#folder, () => this.#scan());
  }

  /** Takes in what is there and follows it. */
  async start(): Promise<void> {
    await this.#context.watched();
    await this.#watch.start();
  }

  close(): void {
    this.#watch.close();
    for (const watch of this.#containers.values()) watch.close();
    this.#containers.clear();
  }

  async #scan(): Promise<void> {
    const asOf = performance.now();
    let names: string[];
    try {
      names = (await readdir(this.#folder)).filter((name) => ID.test(name));
    } catch {
      return;
    }
    const present = new Set(names);
    for (const [id, watch] of this.#containers) {
      if (present.has(id)) continue;
      watch.close();
      this.#containers.delete(id);
    }
    this.#context.reconcile(present, asOf);
    for (const id of names) {
      if (this.#containers.has(id)) continue;
      const watch = new FolderWatch(join(this.#folder, id), () => this.#read(id));
      this.#containers.set(id, watch);
      await watch.start();
    }
  }

  async #read(id: string): Promise<void> {
    const asOf = performance.now();
    const config = await readConfig(this.#folder, id, this.#context);
    const json = parseJson(config);
    if (json === undefined || textAt(json, "ID") !== id) return;
    const facts = await this.#addFiles(id, { ...dockerFacts(json), jsonConfig: config });
    this.#context.update(id, facts, { settled: true, asOf });
  }
}

/** The text of a container's configuration; empty where it is not there or too large. */
export async function readConfig(folder: string, id: string, context: RuntimeContext): Promise<string> {
  const read = await readBounded(join(folder, id, FILE), context.maxConfig);
  if (read?.large) context.oversized();
  return read?.text ?? "";
}
