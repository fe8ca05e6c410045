import { existsSync } from "node:fs";
import { join } from "node:path";
import type { ContainerData } from "../container-info.js";
import { ContainerRuntime } from "../container-state.js";
import { cgroupPathOf, readBundle } from "./bundles.js";
import { DockerApi } from "./docker-api.js";
import { DockerFiles, readConfig } from "./docker-files.js";
import type { RuntimeContext, RuntimeSource, RuntimeStatus } from "./runtime.js";
import { SocketSession } from "./socket-session.js";

/** Namespace of containerd in which dockerd has its containers. */
export const DOCKER_NAMESPACE = "moby";

export interface DockerPlaces {
  readonly sockets: readonly string[];
  readonly roots: readonly string[];
  /** State folders of the containerd beneath it. */
  readonly states: readonly string[];
}

export const runtime = ContainerRuntime.Docker;

/** Docker: by its socket, and by its files where that is not to be had. */
export function openSource(context: RuntimeContext, places: DockerPlaces): RuntimeSource {
  return new DockerSource(context, places);
}

class DockerSource implements RuntimeSource {
  readonly name = "docker";
  readonly runtime = runtime;
  readonly ready: Promise<void>;
  readonly #context: RuntimeContext;
  readonly #places: DockerPlaces;
  readonly #session: SocketSession;
  readonly #roots: Set<string>;
  #files: DockerFiles | undefined;

  constructor(context: RuntimeContext, places: DockerPlaces) {
    this.#context = context;
    this.#places = places;
    this.#roots = new Set(places.roots);
    const addFiles = (id: string, data: ContainerData) => this.#addFiles(id, data);
    this.#session = new SocketSession({
      sockets: places.sockets,
      session: (socket, signal, connected) => {
        const onRoot = (root: string) => void this.#roots.add(root);
        return new DockerApi(context, { addFiles, onRoot }, socket, signal).run(() => {
          connected();
          this.#closeFiles();
        });
      },
      onCondition: () => this.#followFiles(),
    });
    this.ready = this.#session.ready.then(() => this.#filesReady);
  }
  #filesReady: Promise<void> | undefined;

  get status(): RuntimeStatus {
    const { name } = this;
    const socket = this.#session.status;
    if (this.#files === undefined || socket.condition === "connected") return { name, ...socket };
    return { name, found: true, condition: "files", reason: socket.reason };
  }

  recognise(_path: string, id: string | undefined): string | undefined {
    if (id === undefined || !/^[0-9a-f]{64}$/.test(id)) return undefined;
    return [...this.#roots].some((root) => existsSync(join(root, "containers", id))) ? id : undefined;
  }

  look(): void {
    this.#session.look();
    this.#followFiles();
  }

  async close(): Promise<void> {
    this.#closeFiles();
    await this.#session.close();
    this.#closeFiles();
  }

  #followFiles(): void {
    const { condition } = this.#session.status;
    if (this.#files !== undefined || (condition !== "absent" && condition !== "failed")) return;
    const root = [...this.#roots].find((path) => existsSync(join(path, "containers")));
    if (root === undefined) return;
    this.#files = new DockerFiles(this.#context, root, (id, data) => this.#addFiles(id, data));
    this.#filesReady = this.#files.start();
  }

  #closeFiles(): void {
    this.#files?.close();
    this.#files = undefined;
  }

  async #addFiles(id: string, data: ContainerData): Promise<ContainerData> {
    let { jsonConfig } = data;
    for (const root of this.#roots) {
      jsonConfig = (await readConfig(join(root, "containers"), id, this.#context)) || jsonConfig;
    }
    const ociConfig = data.pid ? await readBundle(this.#places.states, DOCKER_NAMESPACE, id, this.#context) : "";
    const cgroupPath = cgroupPathOf(ociConfig);
    return {
      ...data,
      ...(jsonConfig && { jsonConfig }),
      ...(ociConfig && { ociConfig }),
      ...(cgroupPath && { cgroupPath }),
    };
  }
}
