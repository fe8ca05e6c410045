import type { ContainerData, ContainerInfo } from "../container-info.js";
import type { ContainerRuntime } from "../container-state.js";

/**
 * - `absent`: nothing of it is on the host
 * - `connecting`: it is there; its answer is awaited
 * - `connected`: it tells of its containers by itself
 * - `files`: its files are followed
 * - `failed`: it is there and does not answer, or answers nonsense; it is tried again
 */
export type RuntimeCondition = "absent" | "connecting" | "connected" | "files" | "failed";

/** What is known of a runtime. */
export interface RuntimeStatus {
  readonly name: string;
  /** Its socket or folder is there. */
  readonly found: boolean;
  readonly condition: RuntimeCondition;
  /** Why it is in no better condition; empty where there is none. */
  readonly reason: string;
}

/** What a source tells the cache. */
export interface RuntimeContext {
  /**
   * Takes in what the runtime says of a container. `settled`: its name and image are among what was said by now, or never
   * will. `asOf`: it was so at a time (of `performance.now()`), and is nothing to a container that was removed since.
   */
  update(id: string, data: ContainerData, options?: { settled?: boolean; asOf?: number }): void;
  /** The container is not there any more. */
  remove(id: string): void;
  /**
   * These were all containers of the runtime at a time (of `performance.now()`): others that were known by then are not
   * there any more.
   */
  reconcile(ids: ReadonlySet<string>, asOf: number): void;
  lookup(id: string): ContainerInfo | undefined;
  /** To be awaited before anything is told: from then on the kernel's events tell when processes end. */
  watched(): Promise<void>;
  /** An answer was not to be had, or made no sense. */
  failed(): void;
  /** A configuration was left out for its size. */
  oversized(): void;
  /** Milliseconds that an answer is awaited. */
  readonly timeout: number;
  /** Bytes of a configuration at most. */
  readonly maxConfig: number;
  readonly procRoot: string;
  /** Where the hierarchy is mounted that perf events know; empty: nowhere. */
  readonly cgroupMount: string;
  /** Unix milliseconds: of what was there before nothing is told. */
  readonly opened: number;
}

/** One runtime on the host, as each file of this folder opens it. */
export interface RuntimeSource {
  readonly name: string;
  readonly runtime: ContainerRuntime;
  readonly status: RuntimeStatus;
  /** Resolves when its containers have been taken in, or it is known that they cannot be; it never rejects. */
  readonly ready: Promise<void>;
  /**
   * Whether a container with this id and cgroup is one of the runtime's, as far as can be said at once: from memory or
   * with a look at a local file system. Returns its id.
   */
  recognise(path: string, id: string | undefined): string | undefined;
  /** Looks for its socket or folders again. */
  look(): void;
  close(): Promise<void>;
}
