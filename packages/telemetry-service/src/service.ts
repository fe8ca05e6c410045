import type { Socket } from "node:net";
import { parseAddress, type ServiceAddress, TelemetryService as TelemetryServiceDesc } from "@kernscope/telemetry-api";
import type { Access } from "./authorisation.js";
import { TelemetryServiceError } from "./errors.js";
import type { EventProvider } from "./event-provider.js";
import { getEvents } from "./get-events.js";
import { addGrpcServices } from "./grpc-services/add-grpc-services.js";
import { HttpFront } from "./http-front.js";
import { httpHandler } from "./http-handler.js";
import { completeLimits, type ServiceLimits } from "./limits.js";
import { type Listener, listen } from "./listen.js";
import type { Place } from "./place.js";
import { rpcHandler } from "./rpc-handler.js";
import { ServiceMetrics } from "./service-metrics.js";
import type { SocketFileOptions } from "./socket-file.js";
import { BlockEncoder } from "./streams/block-encoder.js";
import { Feeds } from "./streams/feeds.js";
import type { TlsFiles } from "./tls-files.js";
import { Tokens } from "./tokens.js";
import { WatchedFiles } from "./watched-files.js";

export interface TelemetryServiceOptions {
  /** Those that are not given are as in `defaultLimits`. */
  limits?: Partial<ServiceLimits>;
  /** Who may connect to UNIX sockets. Default: owner and group. */
  socket?: SocketFileOptions;
  /** Encrypts TCP. */
  tls?: TlsFiles;
  /** Path of the file with the bearer tokens, a line `OWNER TOKEN` each: clients by TCP must have one. */
  tokenFile?: string;
  /** Origins of pages that may subscribe, such as `https://dashboard.example`. Default: none. */
  allowOrigins?: readonly string[];
  /** Whether the page of metrics has figures of the process too, such as memory and CPU time. Default: no. */
  processFigures?: boolean;
  /** Told of errors that no client is to blame for. */
  onFault?: (error: unknown) => void;
}

/**
 * Serves a sensor's events by gRPC, gRPC-Web, Connect, JSON lines and event streams, over HTTP/2 and HTTP/1.1. The sensor
 * stays its owner's.
 */
export class TelemetryService implements AsyncDisposable {
  readonly name = "telemetry";
  /** Where it listens, or will. */
  readonly addresses: readonly ServiceAddress[];
  readonly #options: TelemetryServiceOptions;
  readonly #limits: ServiceLimits;
  readonly #feeds: Feeds;
  readonly #front: HttpFront;
  readonly #onFault: (error: unknown) => void;
  readonly #listeners: Listener[] = [];
  readonly #stopped = new AbortController();
  #tokens: WatchedFiles<Tokens> | undefined;
  #serving: Promise<void> | undefined;
  #stopping: Promise<void> | undefined;

  /**
   * Nothing listens before {@link TelemetryService.serve}.
   *
   * @param sensor where events come from
   * @param address `unix:PATH` or `HOST:PORT`, or several. Beyond loopback TCP takes `tls` with `clientCa` or `tokenFile`
   * @throws TelemetryApiError `invalid_value` for an address that is none
   * @throws TelemetryServiceError `invalid` for a limit that is out of range
   */
  constructor(sensor: EventProvider, address: string | readonly string[], options: TelemetryServiceOptions = {}) {
    this.addresses = [address].flat().map(parseAddress);
    this.#options = options;
    const limits = completeLimits(options.limits);
    this.#limits = limits;
    const metrics = new ServiceMetrics();
    if (options.processFigures) metrics.addProcessFigures();
    const onFault = options.onFault ?? (() => {});
    this.#onFault = onFault;
    const feeds = new Feeds(sensor, new BlockEncoder(limits), limits, metrics);
    this.#feeds = feeds;
    addGauges(metrics, sensor, feeds, () => this.#front.connections);
    const parts = { provider: sensor, feeds, limits, metrics, onFault };
    const access: Access = {
      origins: new Set(options.allowOrigins),
      tokenOwner: (token) => this.#tokens?.current.ownerOf(token),
    };
    const isReady = () => this.#serving !== undefined && this.#stopping === undefined;
    const rpc = rpcHandler(
      (router) => {
        router.service(TelemetryServiceDesc, { getEvents: (request, context) => getEvents(parts, request, context) });
        addGrpcServices(router, { isReady, stopping: this.#stopped.signal });
      },
      limits.requestBytes,
      (code) => metrics.refused(code),
    );
    this.#front = new HttpFront(httpHandler({ ...parts, access, rpc, isReady }), limits);
  }

  /** Streams that clients have open. */
  get streams(): number {
    return this.#feeds.size;
  }

  /** Events that wait for clients to take them, here and in the sensor. */
  get queued(): number {
    return this.#feeds.queued("queued");
  }

  /**
   * Resolves when clients can connect to every address; otherwise to none.
   *
   * @throws TelemetryServiceError `invalid`, `in_use`, `permission`, `closed`, `system`
   */
  serve(): Promise<void> {
    this.#serving ??= this.#serve();
    return this.#serving;
  }

  /**
   * Takes no more clients, and ends every stream with Unavailable behind what it has waiting, as long as its client takes
   * it within `limits.stopTime`.
   */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #serve(): Promise<void> {
    const { tls, socket, tokenFile } = this.#options;
    try {
      if (tokenFile !== undefined) this.#tokens = await openTokens(tokenFile, this.#onFault);
      for (const address of this.addresses) {
        if (this.#stopping !== undefined) throw closed();
        const tcp = address.kind === "tcp";
        const place: Place = {
          address,
          tls: tcp && tls !== undefined,
          clientCertificates: tcp && tls?.clientCa !== undefined,
          tokens: tcp && tokenFile !== undefined,
        };
        const connections = Math.max(1, Math.floor(this.#limits.connections / this.addresses.length));
        const options = { connections, ...(tls && { tls }), ...(socket && { socket }), onFault: this.#onFault };
        const accept = (socket: Socket, letIn: () => void) => this.#front.accept(socket, place, letIn);
        this.#listeners.push(await listen(place, options, accept));
      }
    } catch (error) {
      await this.#closeListeners();
      throw error;
    }
  }

  async #stop(): Promise<void> {
    await this.#serving?.catch(() => {});
    await this.#closeListeners();
    this.#stopped.abort();
    this.#feeds.end();
    await this.#front.close(this.#limits.stopTime);
    this.#feeds.closeAll();
  }

  async #closeListeners(): Promise<void> {
    this.#tokens?.[Symbol.dispose]();
    for (const listener of this.#listeners.splice(0)) await listener.close();
  }
}

/** Figures that are looked up when somebody asks. */
function addGauges(metrics: ServiceMetrics, sensor: EventProvider, feeds: Feeds, connections: () => number): void {
  metrics.gauge("streams", "Streams that clients have open.", () => feeds.size);
  metrics.gauge("connections", "Connections that clients have open.", connections);
  metrics.gauge("feeds", "Subscriptions of the sensor behind the streams.", () => feeds.subscriptions);
  const dropped = "Events that slow clients' queues had no room for; each was told.";
  metrics.total("dropped_events_total", dropped, () => feeds.dropped);
  metrics.gauge("queued_events", "Events that wait for clients, those that wait in the sensor among them.", () =>
    feeds.queued("queued"),
  );
  metrics.gauge("queued_bytes", "Bytes that wait for clients, those that wait in the sensor among them.", () =>
    feeds.queued("queuedBytes"),
  );
  metrics.addSensor(() => sensor.metrics());
  metrics.addCaches(() => ({ process: sensor.processCache?.stats(), container: sensor.containerCache?.stats() }));
}

async function openTokens(path: string, onFault: (error: unknown) => void): Promise<WatchedFiles<Tokens>> {
  try {
    return await WatchedFiles.open([path], ([text]) => new Tokens(String(text)), onFault);
  } catch (error) {
    const message = `serve(tokens in ${path}): ${(error as Error).message} – give a file that can be read with --token-file`;
    throw new TelemetryServiceError("invalid", message, { cause: error });
  }
}

function closed(): TelemetryServiceError {
  return new TelemetryServiceError("closed", "serve(): the service was stopped – make another one");
}
