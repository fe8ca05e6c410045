import type { ContainerData } from "../container-info.js";
import { ContainerState } from "../container-state.js";
import { dockerFacts, exitOf } from "./docker-facts.js";
import { fetchText, followLines } from "./http-socket.js";
import { type Json, listAt, numberAt, parseJson, textAt } from "./json.js";
import type { RuntimeContext } from "./runtime.js";

/** Bytes of a list of all containers, and of an event, at most. */
const LIST_LIMIT = 64 << 20;
const EVENT_LIMIT = 1 << 20;
/** Events that wait to be handled at most; with more, all containers are asked for anew. */
const QUEUE_LIMIT = 4096;
/** Containers that are asked for at the same time. */
const PARALLEL = 4;
/** Images whose digest is remembered. */
const IMAGE_LIMIT = 512;

const ID = /^[0-9a-f]{64}$/;
const EVENTS = `/events?filters=${encodeURIComponent(JSON.stringify({ type: ["container"] }))}`;
/** After these there is something new to ask for. */
const asking = new Set(["start", "restart", "pause", "unpause", "rename", "update", "stop"]);

export interface DockerApiOptions {
  /** What is added from the runtime's files. */
  readonly addFiles: (id: string, data: ContainerData) => Promise<ContainerData>;
  /** The folder in which the daemon keeps its data. */
  readonly onRoot?: (root: string) => void;
}

/**
 * One connection to a server that speaks Docker's Engine API: all containers, and then what becomes of them. Returns when
 * it ends.
 */
export class DockerApi {
  readonly #context: RuntimeContext;
  readonly #options: DockerApiOptions;
  readonly #socket: string;
  readonly #signal: AbortSignal;
  readonly #digests = new Map<string, string>();
  #queue: Json[] = [];
  #overflowed = false;
  #working = Promise.resolve();

  constructor(context: RuntimeContext, options: DockerApiOptions, socket: string, signal: AbortSignal) {
    this.#context = context;
    this.#options = options;
    this.#socket = socket;
    this.#signal = signal;
  }

  async run(connected: () => void): Promise<void> {
    const { timeout } = this.#context;
    await this.#context.watched();
    const root = textAt((await this.#get("/info", EVENT_LIMIT))?.json, "DockerRootDir");
    if (root.startsWith("/")) this.#options.onRoot?.(root);
    let taken = false;
    const init = { socket: this.#socket, path: EVENTS, timeout, limit: EVENT_LIMIT, signal: this.#signal };
    const { ended } = await followLines(init, (line) => {
      this.#push(parseJson(line));
      if (taken) this.#work();
    });
    await Promise.race([this.#takeAll(), ended]);
    connected();
    taken = true;
    this.#work();
    await ended;
  }

  #push(event: Json): void {
    if (this.#queue.length < QUEUE_LIMIT) this.#queue.push(event);
    else this.#overflowed = true;
  }

  /** Handles events one after the other. */
  #work(): void {
    this.#working = this.#working.then(async () => {
      const events = this.#queue;
      this.#queue = [];
      for (const event of events) {
        if (this.#signal.aborted) return;
        await this.#handle(event);
      }
      if (!this.#overflowed) return;
      this.#overflowed = false;
      await this.#takeAll().catch(() => this.#context.failed());
    });
  }

  async #takeAll(): Promise<void> {
    const asOf = performance.now();
    const list = (await this.#get("/containers/json?all=1", LIST_LIMIT))?.json;
    if (!Array.isArray(list)) throw new Error("GET /containers/json: no list");
    const ids = list.map((item) => textAt(item, "Id")).filter((id) => ID.test(id));
    this.#context.reconcile(new Set(ids), asOf);
    const waiting = [...ids];
    const worker = async () => {
      for (let id = waiting.pop(); id !== undefined && !this.#signal.aborted; id = waiting.pop()) {
        await this.#inspect(id);
      }
    };
    await Promise.all(Array.from({ length: PARALLEL }, worker));
  }

  async #handle(event: Json): Promise<void> {
    const id = textAt(event, "Actor", "ID") || textAt(event, "id");
    const action = textAt(event, "Action") || textAt(event, "status");
    if (!ID.test(id)) {
      this.#context.failed();
      return;
    }
    if (action === "destroy" || action === "remove") this.#context.remove(id);
    else if (action === "create") {
      const [name, imageName] = ["name", "image"].map((key) => textAt(event, "Actor", "Attributes", key));
      // It is known from now on; what it is is told when all of that is. While it is being started dockerd does not answer
      // for it, but its file is there.
      this.#context.update(id, { name, imageName });
      const { jsonConfig = "" } = await this.#options.addFiles(id, {});
      const json = parseJson(jsonConfig);
      if (textAt(json, "ID") === id) this.#context.update(id, { ...dockerFacts(json), jsonConfig }, { settled: true });
      await this.#inspect(id);
    } else if (action === "die" || action === "died") {
      this.#context.update(id, { state: ContainerState.Exited, finishedTime: timeOf(event), ...exitOf(codeOf(event)) });
      await this.#inspect(id);
    } else if (asking.has(action)) await this.#inspect(id);
  }

  async #inspect(id: string): Promise<void> {
    try {
      const answer = await this.#get(`/containers/${id}/json`, this.#context.maxConfig);
      if (answer === undefined) return;
      const { json, text } = answer;
      if (textAt(json, "Id") !== id) throw new Error("the answer is of another container");
      const facts: ContainerData = { ...dockerFacts(json), jsonConfig: text };
      const imageDigest = await this.#digest(facts.imageId ?? "");
      const whole = await this.#options.addFiles(id, { ...facts, ...(imageDigest && { imageDigest }) });
      if (!this.#signal.aborted) this.#context.update(id, whole, { settled: true });
    } catch {
      if (!this.#signal.aborted) this.#context.failed();
    }
  }

  async #digest(image: string): Promise<string> {
    if (image === "") return "";
    const known = this.#digests.get(image);
    if (known !== undefined) return known;
    const path = `/images/${encodeURIComponent(image)}/json`;
    const answer = await this.#get(path, this.#context.maxConfig).catch(() => undefined);
    const [named] = listAt(answer?.json, "RepoDigests");
    const digest = /@(sha256:[0-9a-f]{64})$/.exec(String(named ?? ""))?.[1] ?? "";
    if (this.#digests.size >= IMAGE_LIMIT) this.#digests.clear();
    this.#digests.set(image, digest);
    return digest;
  }

  /** `undefined`: there is no such thing. */
  async #get(path: string, limit: number): Promise<{ json: Json; text: string } | undefined> {
    const { timeout } = this.#context;
    const { status, text } = await fetchText({ socket: this.#socket, path, timeout, limit, signal: this.#signal });
    if (status === 404) return undefined;
    const json = parseJson(text);
    if (status === 200 && json !== undefined) return { json, text };
    throw new Error(`GET ${path}: status ${status}${json === undefined ? ", no JSON" : ""}`);
  }
}

/** Docker and podman name it differently. */
function codeOf(event: Json): number | undefined {
  const text = ["exitCode", "containerExitCode"].map((key) => textAt(event, "Actor", "Attributes", key)).find(Boolean);
  return text !== undefined && /^\d{1,3}$/.test(text) ? Number(text) : undefined;
}

function timeOf(event: Json): number | undefined {
  const nanos = numberAt(event, "timeNano");
  return nanos !== undefined && nanos > 0 ? nanos / 1e6 : undefined;
}
