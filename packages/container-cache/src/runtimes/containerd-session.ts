import { fromBinary } from "@bufbuild/protobuf";
import { type Timestamp, timestampMs } from "@bufbuild/protobuf/wkt";
import type { ContainerData } from "../container-info.js";
import { ContainerState } from "../container-state.js";
import type { Container } from "../gen/containerd/containers_pb.js";
import {
  ContainerEventSchema,
  type Envelope,
  TaskCreateSchema,
  TaskEventSchema,
  TaskExitSchema,
  TaskStartSchema,
} from "../gen/containerd/events_pb.js";
import type { Process } from "../gen/containerd/tasks_pb.js";
import { podOf } from "../kubernetes.js";
import { cgroupPathOf } from "./bundles.js";
import { type ContainerdClient, connectContainerd } from "./containerd-client.js";
import { DOCKER_NAMESPACE } from "./docker.js";
import { exitOf } from "./docker-facts.js";
import { parseJson, textsAt } from "./json.js";
import type { RuntimeContext } from "./runtime.js";

/** Events that wait to be handled at most; with more, all containers are asked for anew. */
const QUEUE_LIMIT = 4096;
/** Images whose digest is remembered. */
const IMAGE_LIMIT = 512;

/** Values of `containerd.v1.types.Status`. */
const states: Readonly<Record<number, ContainerState>> = {
  1: ContainerState.Created,
  2: ContainerState.Running,
  3: ContainerState.Exited,
  4: ContainerState.Paused,
  5: ContainerState.Running,
};

/** One connection to containerd: the containers of all namespaces but Docker's, and then what becomes of them. */
export class ContainerdSession {
  readonly #context: RuntimeContext;
  readonly #signal: AbortSignal;
  readonly #client: ContainerdClient;
  readonly #digests = new Map<string, string>();
  #queue: Envelope[] = [];
  #overflowed = false;
  #working = Promise.resolve();

  constructor(context: RuntimeContext, socket: string, signal: AbortSignal) {
    this.#context = context;
    this.#signal = signal;
    this.#client = connectContainerd(socket, context.timeout, signal);
  }

  async run(connected: () => void): Promise<void> {
    await this.#context.watched();
    try {
      let taken = false;
      // Whether it was heard is not told; but a first answer comes on the same connection.
      const following = this.#follow((event) => {
        if (this.#queue.length < QUEUE_LIMIT) this.#queue.push(event);
        else this.#overflowed = true;
        if (taken) this.#work();
      });
      following.catch(() => {});
      await Promise.race([this.#takeAll(), following]);
      connected();
      taken = true;
      this.#work();
      await following;
    } finally {
      this.#client.close();
    }
  }

  async #follow(onEvent: (event: Envelope) => void): Promise<void> {
    for await (const event of this.#client.events.subscribe({}, { signal: this.#signal })) onEvent(event);
  }

  #work(): void {
    this.#working = this.#working.then(async () => {
      const events = this.#queue;
      this.#queue = [];
      for (const event of events) {
        if (this.#signal.aborted) return;
        if (event.namespace === DOCKER_NAMESPACE) continue;
        await this.#handle(event).catch(() => this.#context.failed());
      }
      if (!this.#overflowed) return;
      this.#overflowed = false;
      await this.#takeAll().catch(() => this.#context.failed());
    });
  }

  async #takeAll(): Promise<void> {
    const asOf = performance.now();
    const { namespaces } = await this.#client.namespaces.list({}, this.#client.in("default"));
    const ids = new Set<string>();
    for (const { name } of namespaces) {
      if (name === DOCKER_NAMESPACE) continue;
      const [{ containers }, { tasks }] = await Promise.all([
        this.#client.containers.list({}, this.#client.in(name)),
        this.#client.tasks.list({}, this.#client.in(name)),
      ]);
      const byId = new Map(tasks.map((task) => [task.id, task]));
      for (const container of containers) {
        ids.add(container.id);
        await this.#take(name, container, byId.get(container.id));
      }
    }
    this.#context.reconcile(ids, asOf);
  }

  async #take(namespace: string, container: Container, task: Process | undefined): Promise<void> {
    const facts = await this.#facts(namespace, container);
    const state = (task && states[task.status]) ?? ContainerState.Created;
    const run: ContainerData =
      state === ContainerState.Exited
        ? { ...exitOf(task?.exitStatus), finishedTime: millis(task?.exitedAt), pid: task?.pid }
        : { pid: task?.pid || undefined };
    if (!this.#signal.aborted) this.#context.update(container.id, { ...facts, ...run, state }, { settled: true });
  }

  async #facts(namespace: string, container: Container): Promise<ContainerData> {
    const { id, labels, image, spec, createdAt } = container;
    const whole = spec === undefined ? "" : Buffer.from(spec.value).toString("utf8");
    const isLarge = whole.length > this.#context.maxConfig;
    if (isLarge) this.#context.oversized();
    const ociConfig = isLarge ? "" : whole;
    const annotations = textsAt(parseJson(ociConfig), "annotations");
    const pod = podOf(labels, annotations);
    const digest = await this.#digest(namespace, image);
    return {
      name: pod?.containerName || labels["nerdctl/name"] || id,
      imageName: image,
      ...(digest && { imageId: digest, imageDigest: digest }),
      labels: { ...labels },
      pod,
      createdTime: millis(createdAt),
      jsonConfig: JSON.stringify({ namespace, id, image, labels }),
      ociConfig,
      cgroupPath: cgroupPathOf(ociConfig),
    };
  }

  async #digest(namespace: string, image: string): Promise<string> {
    if (image === "") return "";
    const key = `${namespace}/${image}`;
    const known = this.#digests.get(key);
    if (known !== undefined) return known;
    const answer = await this.#client.images.get({ name: image }, this.#client.in(namespace)).catch(() => undefined);
    const digest = answer?.image?.target?.digest ?? "";
    if (this.#digests.size >= IMAGE_LIMIT) this.#digests.clear();
    if (digest !== "") this.#digests.set(key, digest);
    return digest;
  }

  async #handle({ namespace, topic, timestamp, event }: Envelope): Promise<void> {
    const bytes = event?.value ?? new Uint8Array();
    const time = millis(timestamp);
    switch (topic) {
      case "/containers/create":
      case "/containers/update": {
        const { id } = fromBinary(ContainerEventSchema, bytes);
        const { container } = await this.#client.containers.get({ id }, this.#client.in(namespace));
        if (container === undefined || this.#signal.aborted) return;
        const facts = await this.#facts(namespace, container);
        const isNew = this.#context.lookup(id)?.known !== true;
        const state = isNew ? { state: ContainerState.Created } : {};
        this.#context.update(id, { ...facts, ...state }, { settled: true });
        return;
      }
      case "/containers/delete":
        this.#context.remove(fromBinary(ContainerEventSchema, bytes).id);
        return;
      case "/tasks/create":
        this.#context.update(fromBinary(TaskCreateSchema, bytes).containerId, { state: ContainerState.Created });
        return;
      case "/tasks/start": {
        const { containerId, pid } = fromBinary(TaskStartSchema, bytes);
        this.#context.update(containerId, { state: ContainerState.Running, pid, startedTime: time });
        return;
      }
      case "/tasks/paused":
      case "/tasks/resumed": {
        const state = topic === "/tasks/paused" ? ContainerState.Paused : ContainerState.Running;
        this.#context.update(fromBinary(TaskEventSchema, bytes).containerId, { state });
        return;
      }
      case "/tasks/exit": {
        const { containerId, id, pid, exitStatus, exitedAt } = fromBinary(TaskExitSchema, bytes);
        if (id !== containerId) return;
        const finishedTime = millis(exitedAt) ?? time;
        this.#context.update(id, { state: ContainerState.Exited, pid, finishedTime, ...exitOf(exitStatus) });
      }
    }
  }
}

function millis(time: Timestamp | undefined): number | undefined {
  return time === undefined ? undefined : timestampMs(time) + (time.nanos % 1e6) / 1e6;
}
