import { createServer as createHttp1Server, type IncomingMessage, type ServerResponse } from "node:http";
import {
  createServer as createHttp2Server,
  type Http2ServerRequest,
  type Http2ServerResponse,
  type ServerHttp2Session,
} from "node:http2";
import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import { AnswerWatch } from "./answer-watch.js";
import { setConnection } from "./connection.js";
import { awaitFirstRequest } from "./first-request.js";
import type { ServiceLimits } from "./limits.js";
import type { Place } from "./place.js";
import { protocolOf } from "./protocol.js";
import { RequestTurns } from "./request-turns.js";
import { watchSession } from "./session-watch.js";

export type HttpRequest = IncomingMessage | Http2ServerRequest;
export type HttpResponse = ServerResponse | Http2ServerResponse;
/** Answers a request. Must not throw. */
export type HttpHandler = (request: HttpRequest, response: HttpResponse) => void;

type Limits = Pick<ServiceLimits, "progressTime" | "requestTime" | "resetsPerConnection" | "streamsPerConnection">;

/** Speaks HTTP/1.1 and HTTP/2 on the same connections: the first bytes of each tell which. */
export class HttpFront {
  readonly #limits: Limits;
  readonly #http1;
  readonly #http2;
  readonly #sockets = new Set<Socket>();
  readonly #undecided = new Set<Socket>();
  readonly #sessions = new Set<ServerHttp2Session>();
  readonly #turns = new RequestTurns();
  readonly #answers: AnswerWatch;
  #closing = false;

  constructor(handler: HttpHandler, limits: Limits) {
    this.#limits = limits;
    this.#answers = new AnswerWatch(limits.progressTime);
    const { requestTime, streamsPerConnection } = limits;
    const times = { headersTimeout: requestTime, requestTimeout: requestTime };
    const connectionsCheckingInterval = Math.ceil(requestTime / 4);
    this.#http1 = createHttp1Server({ ...times, connectionsCheckingInterval }, (request, response) => {
      const { socket } = request;
      response.on("close", () => this.#closing && socket.destroySoon());
      this.#answers.add(response);
      handler(request, response);
    });
    // It listens to nothing itself, but minds the time of requests only once it was told that it does.
    this.#http1.emit("listening");
    this.#http2 = createHttp2Server(
      { settings: { maxConcurrentStreams: streamsPerConnection } },
      (request, response) => {
        const { stream } = request;
        const handle = () => {
          // HTTP/2 minds no time.
          const late = setTimeout(() => stream.close(), requestTime);
          for (const event of ["end", "close"]) request.on(event, () => clearTimeout(late));
          // What was not worth reading is let through, so that the stream can end.
          response.on("finish", () => stream.removeAllListeners("data").resume());
          this.#answers.add(response);
          handler(request, response);
        };
        this.#turns.add({
          get gone() {
            return stream.closed || stream.destroyed;
          },
          handle,
        });
      },
    );
    this.#http2.on("session", (session) => {
      this.#sessions.add(session);
      watchSession(session, limits);
      session.on("close", () => this.#sessions.delete(session));
    });
  }

  /** Connections that there are. */
  get connections(): number {
    return this.#sockets.size;
  }

  /**
   * Takes a connection over.
   *
   * @param letIn handed on to those who answer its requests, as part of its `Connection`
   */
  accept(socket: Socket, place: Place, letIn: () => void = () => {}): void {
    if (this.#closing) {
      socket.destroy();
      return;
    }
    const certificate = certificateOf(socket);
    const cut = () => socket.destroy();
    setConnection(socket, { place, letIn, cut, ...(certificate !== undefined && { certificate }) });
    const deadline = setTimeout(() => socket.destroy(), this.#limits.requestTime);
    this.#sockets.add(socket);
    this.#undecided.add(socket);
    socket.on("error", () => socket.destroy());
    socket.on("close", () => {
      clearTimeout(deadline);
      this.#sockets.delete(socket);
      this.#undecided.delete(socket);
    });
    let bytes: Buffer = Buffer.alloc(0);
    const onData = (chunk: Buffer) => {
      bytes = Buffer.concat([bytes, chunk]);
      const protocol = protocolOf(bytes);
      if (protocol === undefined) return;
      socket.off("data", onData);
      const handOver = (first: Buffer) => {
        clearTimeout(deadline);
        this.#undecided.delete(socket);
        socket.pause();
        socket.unshift(first);
        const server = protocol === "http2" ? this.#http2 : this.#http1;
        server.emit("connection", socket);
        // HTTP/2 takes what was put back by itself.
        if (protocol === "http1") socket.resume();
      };
      if (protocol === "http2" && place.address.kind === "unix") {
        awaitFirstRequest(socket, bytes, this.#limits, handOver);
      } else handOver(bytes);
    };
    socket.on("data", onData);
  }

  /** Ends each connection behind its responses, and after `time` milliseconds those that are left. */
  async close(time: number): Promise<void> {
    this.#closing = true;
    const closed = [...this.#sockets].map((socket) => new Promise((resolve) => socket.on("close", resolve)));
    const deadline = setTimeout(() => {
      for (const socket of this.#sockets) socket.destroy();
    }, time);
    for (const socket of this.#undecided) socket.destroy();
    for (const session of this.#sessions) session.close();
    this.#http1.close();
    await Promise.all(closed);
    clearTimeout(deadline);
  }
}

/** SHA-256 of the certificate that a client proved to have, where it is one of those that are trusted. */
function certificateOf(socket: Socket): string | undefined {
  return socket instanceof TLSSocket && socket.authorized ? socket.getPeerCertificate().fingerprint256 : undefined;
}
