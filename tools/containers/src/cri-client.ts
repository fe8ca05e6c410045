import { fileURLToPath } from "node:url";
import { credentials, loadPackageDefinition } from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";

export interface CriPod {
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
}

type Call = (request: object, answer: (error: Error | null, response: Record<string, string>) => void) => void;

/** Runs pods as the kubelet does: with its labels, in cgroups of its shape, on the host's network. */
export class CriClient implements Disposable {
  readonly #client: Record<string, Call> & { close(): void };

  constructor(socket: string) {
    const file = fileURLToPath(new URL("../cri.proto", import.meta.url));
    const definition = loadPackageDefinition(loadSync(file, { keepCase: true }));
    const { v1 } = definition.runtime as unknown as { v1: { RuntimeService: new (...args: unknown[]) => never } };
    this.#client = new v1.RuntimeService(`unix:${socket}`, credentials.createInsecure());
  }

  /** Starts a pod's sandbox and returns its id. */
  async runPod(pod: CriPod): Promise<string> {
    const { pod_sandbox_id } = await this.#call("RunPodSandbox", { config: podConfig(pod) });
    return pod_sandbox_id ?? "";
  }

  /** Creates a container in a pod and returns its id. */
  async create(pod: CriPod, sandbox: string, name: string, image: string, command: readonly string[]): Promise<string> {
    const config = {
      metadata: { name },
      image: { image },
      command,
      labels: { ...labelsOf(pod), "io.kubernetes.container.name": name },
      linux: { security_context: { namespace_options: { network: 2 } } },
    };
    const request = { pod_sandbox_id: sandbox, config, sandbox_config: podConfig(pod) };
    return (await this.#call("CreateContainer", request)).container_id ?? "";
  }

  start(id: string): Promise<unknown> {
    return this.#call("StartContainer", { container_id: id });
  }

  remove(id: string): Promise<unknown> {
    return this.#call("RemoveContainer", { container_id: id });
  }

  async removePod(sandbox: string): Promise<void> {
    await this.#call("StopPodSandbox", { pod_sandbox_id: sandbox });
    await this.#call("RemovePodSandbox", { pod_sandbox_id: sandbox });
  }

  [Symbol.dispose](): void {
    this.#client.close();
  }

  #call(method: string, request: object): Promise<Record<string, string>> {
    return new Promise((resolve, reject) => {
      this.#client[method]?.(request, (error, response) => (error === null ? resolve(response) : reject(error)));
    });
  }
}

function labelsOf({ name, namespace, uid }: CriPod): Record<string, string> {
  return { "io.kubernetes.pod.name": name, "io.kubernetes.pod.namespace": namespace, "io.kubernetes.pod.uid": uid };
}

function podConfig(pod: CriPod) {
  return {
    metadata: { ...pod },
    labels: labelsOf(pod),
    linux: {
      cgroup_parent: `/kubepods/besteffort/pod${pod.uid}`,
      security_context: { namespace_options: { network: 2 } },
    },
  };
}
