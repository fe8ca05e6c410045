import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** What a fake container says to an inspection, as far as it is read. */
export interface FakeContainer {
  Id: string;
  Name: string;
  Created: string;
  Image: string;
  RestartCount: number;
  Config: { Image: string; Labels: Record<string, string> };
  State: Record<string, unknown>;
}

/** A server that speaks as much of Docker's Engine API as is used here, with what a test puts into it. */
export class FakeDocker implements AsyncDisposable {
  readonly folder = mkdtempSync(join(tmpdir(), "fake-docker-"));
  readonly socket = join(this.folder, "docker.sock");
  readonly containers = new Map<string, FakeContainer>();
  /** Answers in place of the usual ones, by the beginning of the path. */
  readonly answers = new Map<string, (request: IncomingMessage, response: ServerResponse) => void>();
  #server: Server | undefined;
  readonly #sockets = new Set<Socket>();
  readonly #followers = new Set<ServerResponse>();

  async start(): Promise<void> {
    const server = createServer((request, response) => this.#answer(request, response));
    server.on("connection", (socket) => {
      this.#sockets.add(socket);
      socket.on("close", () => this.#sockets.delete(socket));
    });
    this.#server = server;
    await new Promise<void>((resolve) => server.listen(this.socket, resolve));
  }

  /** Ends the server and all its connections; its socket is gone. */
  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    for (const socket of this.#sockets) socket.destroy();
    this.#followers.clear();
    await new Promise((resolve) => (server === undefined ? resolve(undefined) : server.close(resolve)));
  }

  get followers(): number {
    return this.#followers.size;
  }

  put(id: string, state: Record<string, unknown>, more: Partial<FakeContainer> = {}): void {
    const Created = "2023-11-14T22:13:21.5Z";
    const Config = { Image: "shop:1", Labels: {} };
    const base = { Id: id, Name: `/name-${id.slice(0, 2)}`, Created, Image: "sha256:ab", RestartCount: 0, Config };
    this.containers.set(id, { ...base, State: state, ...more });
  }

  /** Sends an event to all who follow. */
  emit(action: string, id: string, attributes: Record<string, string> = {}, timeNano = 0): void {
    const event = { Type: "container", Action: action, Actor: { ID: id, Attributes: attributes }, timeNano };
    this.send(`${JSON.stringify(event)}\n`);
  }

  send(text: string): void {
    for (const follower of this.#followers) follower.write(text);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const path = request.url ?? "";
    const instead = [...this.answers].find(([start]) => path.startsWith(start))?.[1];
    const id = /^\/containers\/([^/]+)\/json$/.exec(path)?.[1];
    if (instead !== undefined) instead(request, response);
    else if (path.startsWith("/events")) {
      this.#followers.add(response);
      response.on("close", () => this.#followers.delete(response));
      response.writeHead(200, { "Content-Type": "application/json" });
      response.flushHeaders();
    } else if (path === "/info") respond(response, 200, {});
    else if (path.startsWith("/containers/json")) {
      respond(
        response,
        200,
        [...this.containers.keys()].map((Id) => ({ Id })),
      );
    } else if (id !== undefined && this.containers.has(id)) respond(response, 200, this.containers.get(id));
    else respond(response, 404, { message: "no such thing" });
  }
}

function respond(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "Content-Type": "application/json" });
  response.end(JSON.stringify(body));
}
