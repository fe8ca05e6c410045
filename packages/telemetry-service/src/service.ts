import { parseAddress, type ServiceAddress, TelemetryService as TelemetryServiceDesc } from "@kernscope/telemetry-api";
import { TelemetryServiceError } from "./errors.js";
import { EventMessages } from "./event-messages.js";
import type { EventProvider } from "./event-provider.js";
import { getEvents } from "./get-events.js";
import { HttpFront } from "./http-front.js";
import { defaultLimits, type ServiceLimits } from "./limits.js";
import { type Listener, listen } from "./listen.js";
import { OpenSubscriptions } from "./open-subscriptions.js";
import { rpcHandler } from "./rpc-handler.js";

export interface TelemetryServiceOptions {
  /** Default: {@link defaultLimits}. */
  limits?: Partial<ServiceLimits>;
  /** Told of errors that no client is to blame for. */
  onFault?: (error: unknown) => void;
}

/** Serves a sensor's events by gRPC, gRPC-Web and Connect, over HTTP/2 and HTTP/1.1. The sensor stays its owner's. */
export class TelemetryService implements AsyncDisposable {
  readonly name = "telemetry";
  /** Where it listens, or will. */
  readonly addresses: readonly ServiceAddress[];
  readonly #limits: ServiceLimits;
  readonly #subscriptions: OpenSubscriptions;
  readonly #front: HttpFront;
  readonly #listeners: Listener[] = [];
  #serving: Promise<void> | undefined;
  #stopping: Promise<void> | undefined;

  /**
   * Nothing listens before {@link TelemetryService.serve}.
   *
   * @param sensor where events come from
   * @param address `unix:PATH`, or several
   * @throws TelemetryApiError `invalid_value` for an address that is none
   */
  constructor(sensor: EventProvider, address: string | readonly string[], options: TelemetryServiceOptions = {}) {
    this.addresses = [address].flat().map(parseAddress);
    const limits = { ...defaultLimits, ...options.limits };
    this.#limits = limits;
    const subscriptions = new OpenSubscriptions(limits.subscriptions);
    this.#subscriptions = subscriptions;
    const onFault = options.onFault ?? (() => {});
    const parts = { provider: sensor, subscriptions, messages: new EventMessages(limits), limits, onFault };
    const handler = rpcHandler(
      (router) => {
        router.service(TelemetryServiceDesc, { getEvents: (request, context) => getEvents(parts, request, context) });
      },
      limits.requestBytes,
      onFault,
    );
    this.#front = new HttpFront(handler, limits);
  }

  /** Streams that clients have open. */
  get streams(): number {
    return this.#subscriptions.size;
  }

  /**
   * Resolves when clients can connect to every address; otherwise to none.
   *
   * @throws TelemetryServiceError `in_use`, `permission`, `unsupported`, `closed`, `system`
   */
  serve(): Promise<void> {
    this.#serving ??= this.#serve();
    return this.#serving;
  }

  /**
   * Takes no more clients, and ends every stream behind what it has waiting, as long as its client takes it within
   * `limits.stopTime`.
   */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #serve(): Promise<void> {
    try {
      for (const address of this.addresses) {
        if (this.#stopping !== undefined) throw closed();
        this.#listeners.push(await listen(address, (socket) => this.#front.accept(socket)));
      }
    } catch (error) {
      await this.#closeListeners();
      throw error;
    }
  }

  async #stop(): Promise<void> {
    await this.#serving?.catch(() => {});
    await this.#closeListeners();
    this.#subscriptions.end();
    await this.#front.close(this.#limits.stopTime);
    this.#subscriptions.close();
  }

  async #closeListeners(): Promise<void> {
    for (const listener of this.#listeners.splice(0)) await listener.close();
  }
}

function closed(): TelemetryServiceError {
  return new TelemetryServiceError("closed", "serve(): the service was stopped – make another one");
}
