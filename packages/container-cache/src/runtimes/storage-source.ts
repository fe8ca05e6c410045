import { existsSync } from "node:fs";
import { join } from "node:path";
import type { ContainerData } from "../container-info.js";
import type { ContainerRuntime } from "../container-state.js";
import { cgroupPathOf, readOciConfig } from "./bundles.js";
import { DockerApi } from "./docker-api.js";
import type { Json } from "./json.js";
import type { RuntimeContext, RuntimeSource, RuntimeStatus } from "./runtime.js";
import { SocketSession } from "./socket-session.js";
import { StorageFiles, type StoragePlaces } from "./storage-files.js";

export interface StorageSourceInit {
  readonly name: string;
  readonly runtime: ContainerRuntime;
  readonly places: StoragePlaces;
  /** Sockets that speak Docker's API. */
  readonly sockets: readonly string[];
  readonly accepts: (metadata: Json) => boolean;
  /** The storage alone does not show that the runtime is there. */
  readonly isShared?: boolean;
}

/** A runtime that keeps its containers in the storage of podman and CRI-O: by its socket, else by its files. */
export class StorageSource implements RuntimeSource {
  readonly name: string;
  readonly runtime: ContainerRuntime;
  readonly ready: Promise<void>;
  readonly #init: StorageSourceInit;
  readonly #context: RuntimeContext;
  readonly #session: SocketSession;
  #files: StorageFiles | undefined;
  #filesReady: Promise<void> | undefined;
  #closed = false;

  constructor(context: RuntimeContext, init: StorageSourceInit) {
    this.name = init.name;
    this.runtime = init.runtime;
    this.#init = init;
    this.#context = context;
    const addFiles = (id: string, data: ContainerData) => this.#addFiles(id, data);
    this.#session = new SocketSession({
      sockets: init.sockets,
      session: (socket, signal, connected) => new DockerApi(context, { addFiles }, socket, signal).run(connected),
      onCondition: () => this.#followFiles(),
    });
    this.ready = this.#session.ready.then(() => this.#filesReady);
  }

  get status(): RuntimeStatus {
    const { name } = this;
    const socket = this.#session.status;
    if (this.#files === undefined || socket.condition === "connected") return { name, ...socket };
    if (this.#init.isShared && this.#files.count === 0) {
      return {
        name,
        found: false,
        condition: "absent",
        reason: `no container of its in ${this.#folders().join(" or ")}`,
      };
    }
    return { name, found: true, condition: "files", reason: socket.reason };
  }

  recognise(_path: string, id: string | undefined): string | undefined {
    if (id === undefined) return undefined;
    return this.#folders().some((folder) => existsSync(join(folder, id))) ? id : undefined;
  }

  look(): void {
    this.#session.look();
    this.#followFiles();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#files?.close();
    await this.#session.close();
    await this.#filesReady;
  }

  #followFiles(): void {
    if (this.#closed || this.#folders().length === 0) return;
    const { places, accepts } = this.#init;
    this.#files ??= new StorageFiles(this.#context, places, accepts, () => this.#session.connected);
    this.#filesReady = this.#files.look().catch(() => this.#context.failed());
  }

  #folders(): string[] {
    return StorageFiles.folders(this.#init.places.roots);
  }

  async #addFiles(id: string, data: ContainerData): Promise<ContainerData> {
    for (const folder of this.#folders()) {
      const ociConfig = await readOciConfig(join(folder, id, "userdata"), this.#context);
      if (ociConfig === "") continue;
      const cgroupPath = cgroupPathOf(ociConfig);
      return { ...data, ociConfig, ...(cgroupPath && { cgroupPath }) };
    }
    return data;
  }
}
