import { existsSync } from "node:fs";
import { join } from "node:path";
import { ContainerRuntime } from "../container-state.js";
import { TASKS } from "./bundles.js";
import { ContainerdSession } from "./containerd-session.js";
import type { RuntimeContext, RuntimeSource, RuntimeStatus } from "./runtime.js";
import { SocketSession } from "./socket-session.js";

export interface ContainerdPlaces {
  readonly sockets: readonly string[];
  readonly states: readonly string[];
}

export const runtime = ContainerRuntime.Containerd;

/** containerd, alone and beneath Kubernetes; not beneath Docker. */
export function openSource(context: RuntimeContext, places: ContainerdPlaces): RuntimeSource {
  return new ContainerdSource(context, places);
}

/** Namespace of the kubelet's containers. */
const KUBERNETES = "k8s.io";
/** Namespaces and ids as containerd accepts them. */
const NAME = /^[A-Za-z0-9]+(?:[._-][A-Za-z0-9]+)*$/;

class ContainerdSource implements RuntimeSource {
  readonly name = "containerd";
  readonly runtime = runtime;
  readonly ready: Promise<void>;
  readonly #session: SocketSession;
  readonly #states: readonly string[];
  readonly #context: RuntimeContext;

  constructor(context: RuntimeContext, { sockets, states }: ContainerdPlaces) {
    this.#context = context;
    this.#states = states;
    this.#session = new SocketSession({
      sockets,
      session: (socket, signal, connected) => new ContainerdSession(context, socket, signal).run(connected),
    });
    this.ready = this.#session.ready;
  }

  get status(): RuntimeStatus {
    return { name: this.name, ...this.#session.status };
  }

  /** Without a name in the path it is `/NAMESPACE/ID`, as containerd's own client has it. */
  recognise(path: string, id: string | undefined): string | undefined {
    if (id !== undefined) return this.#hasTask(KUBERNETES, id) ? id : undefined;
    const [, namespace = "", name = "", more] = path.split("/");
    if (more !== undefined || namespace === "moby" || !NAME.test(namespace) || !NAME.test(name)) return undefined;
    const known = this.#context.lookup(name)?.cgroupPath;
    if (known) return known === path ? name : undefined;
    return this.#hasTask(namespace, name) ? name : undefined;
  }

  look(): void {
    this.#session.look();
  }

  close(): Promise<void> {
    return this.#session.close();
  }

  #hasTask(namespace: string, id: string): boolean {
    return this.#states.some((state) => existsSync(join(state, TASKS, namespace, id)));
  }
}
