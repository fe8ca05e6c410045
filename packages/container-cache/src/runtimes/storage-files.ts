import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { ContainerData } from "../container-info.js";
import { ContainerState } from "../container-state.js";
import { podOf } from "../kubernetes.js";
import { readBounded } from "./bounded-file.js";
import { cgroupPathOf, namesIn, readOciConfig } from "./bundles.js";
import { FolderWatch } from "./folder-watch.js";
import { type Json, listAt, parseJson, textAt, textsAt, timeAt } from "./json.js";
import type { RuntimeContext } from "./runtime.js";

const ID = /^[0-9a-f]{64}$/;
/** Bytes of the list of all containers at most. */
const LIST_LIMIT = 64 << 20;

export interface StoragePlaces {
  /** `graphroot` and `runroot` of containers-storage.conf(5). */
  readonly roots: readonly string[];
  readonly runRoots: readonly string[];
}

/** Follows the storage that podman and CRI-O share: a list of all containers, and a folder for each. */
export class StorageFiles {
  readonly #context: RuntimeContext;
  readonly #places: StoragePlaces;
  /** Whether a container is the runtime's, by what it wrote into the list. */
  readonly #accepts: (metadata: Json) => boolean;
  /** Whether the runtime itself tells, who knows better: then only what it has not told of yet is taken from the files. */
  readonly #isTold: () => boolean;
  readonly #watches = new Map<string, FolderWatch>();
  /** Folders of containers that have no configuration yet. */
  readonly #waiting = new Map<string, FolderWatch>();
  /** What the list said of each container when it was taken in. */
  readonly #taken = new Map<string, string>();
  readonly #ids = new Map<string, ReadonlySet<string>>();

  constructor(
    context: RuntimeContext,
    places: StoragePlaces,
    accepts: (metadata: Json) => boolean,
    isTold: () => boolean,
  ) {
    this.#context = context;
    this.#isTold = isTold;
    this.#places = places;
    this.#accepts = accepts;
  }

  /** Folders of the storage drivers, such as `ROOT/overlay-containers`. */
  static folders(roots: readonly string[]): string[] {
    return roots.flatMap((root) =>
      namesIn(root)
        .filter((name) => name.endsWith("-containers"))
        .map((name) => join(root, name)),
    );
  }

  /** How many containers there are. */
  get count(): number {
    let count = 0;
    for (const some of this.#ids.values()) count += some.size;
    return count;
  }

  /** Looks for folders that are new. */
  async look(): Promise<void> {
    await this.#context.watched();
    for (const folder of StorageFiles.folders(this.#places.roots)) {
      if (this.#watches.has(folder)) continue;
      const watch = new FolderWatch(folder, () => this.#read(folder));
      this.#watches.set(folder, watch);
      await watch.start();
    }
  }

  close(): void {
    for (const watch of [...this.#watches.values(), ...this.#waiting.values()]) watch.close();
    this.#watches.clear();
    this.#waiting.clear();
    this.#ids.clear();
    this.#taken.clear();
  }

  async #read(folder: string): Promise<void> {
    const asOf = performance.now();
    const list = parseJson((await readBounded(join(folder, "containers.json"), LIST_LIMIT))?.text ?? "");
    if (!Array.isArray(list)) return;
    const ids = new Set<string>();
    for (const item of list) {
      const [id, metadata] = [textAt(item, "id"), parseJson(textAt(item, "metadata"))];
      if (!ID.test(id) || !this.#accepts(metadata)) continue;
      ids.add(id);
      const known = this.#context.lookup(id);
      const text = JSON.stringify(item);
      if (known?.settled && (this.#isTold() || this.#taken.get(id) === text)) continue;
      this.#taken.set(id, text);
      const facts = await this.#facts(folder, id, item, metadata);
      this.#context.update(id, facts, { settled: true, asOf });
      if (facts.ociConfig === "") this.#await(folder, id);
    }
    for (const id of this.#ids.get(folder) ?? []) if (!ids.has(id)) this.#taken.delete(id);
    this.#ids.set(folder, ids);
    for (const [id, watch] of this.#waiting) {
      if ([...this.#ids.values()].some((some) => some.has(id))) continue;
      watch.close();
      this.#waiting.delete(id);
    }
    if (this.#isTold()) return;
    this.#context.reconcile(new Set([...this.#ids.values()].flatMap((some) => [...some])), asOf);
  }

  /** The configuration is written when the container is started. */
  #await(folder: string, id: string): void {
    if (this.#waiting.has(id)) return;
    const bundle = join(folder, id, "userdata");
    const watch = new FolderWatch(bundle, async () => {
      const asOf = performance.now();
      const facts = factsOfConfig(await readOciConfig(bundle, this.#context));
      if (facts === undefined || !this.#watches.has(folder)) return;
      watch.close();
      this.#waiting.delete(id);
      this.#context.update(id, facts, { asOf });
    });
    this.#waiting.set(id, watch);
    void watch.start();
  }

  async #facts(folder: string, id: string, item: Json, metadata: Json): Promise<ContainerData> {
    const ociConfig = await readOciConfig(join(folder, id, "userdata"), this.#context);
    const [name] = listAt(item, "names");
    const imageId = textAt(item, "image") || textAt(metadata, "image-id");
    const createdTime = timeAt(item, "created");
    return {
      name: textAt(metadata, "name") || (typeof name === "string" ? name : ""),
      imageId: ID.test(imageId) ? `sha256:${imageId}` : imageId,
      imageName: textAt(metadata, "image-name"),
      createdTime,
      jsonConfig: JSON.stringify(item),
      ociConfig,
      ...factsOfConfig(ociConfig),
      ...this.#run(id, ociConfig !== "", createdTime),
    };
  }

  /** Whether it runs: its pid is in a file, which may be left over. */
  #run(id: string, hasConfig: boolean, createdTime: number | undefined): Pick<ContainerData, "state" | "pid"> {
    for (const folder of StorageFiles.folders(this.#places.runRoots)) {
      const pid = pidIn(join(folder, id, "userdata/pidfile"));
      if (pid === 0 || !this.#isIts(pid, id)) continue;
      // Before it is started there is an init of the OCI runtime, which waits: the kernel tells of the program after it.
      const isNew = (createdTime ?? 0) >= this.#context.opened;
      return isNew ? { state: ContainerState.Created } : { state: ContainerState.Running, pid };
    }
    const isOld = (createdTime ?? 0) < this.#context.opened;
    return { state: isOld && hasConfig ? ContainerState.Exited : ContainerState.Created };
  }

  #isIts(pid: number, id: string): boolean {
    try {
      return readFileSync(`${this.#context.procRoot}/${pid}/cgroup`, "utf8").includes(id);
    } catch {
      return false;
    }
  }
}

/** Annotation in which CRI-O has the labels of a container. */
const LABELS = "io.kubernetes.cri-o.Labels";

function factsOfConfig(ociConfig: string): ContainerData | undefined {
  if (ociConfig === "") return undefined;
  const annotations = textsAt(parseJson(ociConfig), "annotations");
  const labels = textsAt(parseJson(annotations[LABELS] ?? ""));
  return {
    ociConfig,
    cgroupPath: cgroupPathOf(ociConfig) || undefined,
    ...(Object.keys(labels).length > 0 && { labels }),
    pod: podOf(labels, annotations),
  };
}

function pidIn(file: string): number {
  try {
    const text = existsSync(file) ? readFileSync(file, "latin1").trim() : "";
    return /^\d{1,10}$/.test(text) ? Number(text) : 0;
  } catch {
    return 0;
  }
}
