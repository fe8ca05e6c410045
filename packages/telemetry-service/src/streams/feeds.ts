import { Code, ConnectError } from "@connectrpc/connect";
import type { Gap, SubscriptionRequest, SubscriptionStatus } from "@kernscope/sensor";
import type { EventProvider } from "../event-provider.js";
import type { ServiceLimits } from "../limits.js";
import type { ServiceMetrics } from "../service-metrics.js";
import type { BlockEncoder } from "./block-encoder.js";
import { ClientStream } from "./client-stream.js";
import type { EventBlock } from "./event-block.js";
import { Feed } from "./feed.js";

/** Who a stream is for. */
export interface StreamOwner {
  /** Names whom limits per client count for. */
  readonly client: string;
  /** Fires when the client is gone, or has enough. */
  readonly signal: AbortSignal;
}

/** A stream, and what of its request is not honoured. */
export interface OpenedStream {
  readonly stream: ClientStream;
  readonly statuses: readonly SubscriptionStatus[];
  /**
   * The sensor's events from the number on that it returns come by the stream, as far as they are for it: to be called
   * before anything is taken, but in a later turn than the stream was opened in.
   */
  readonly from: () => number;
}

type Limits = Pick<
  ServiceLimits,
  "batchTime" | "queueBytes" | "queueEvents" | "subscriptions" | "subscriptionsPerClient"
>;

/** The streams of all clients, and the sensor's subscriptions behind them: one for all that ask for the same. */
export class Feeds {
  readonly #provider: EventProvider;
  readonly #encoder: BlockEncoder;
  readonly #limits: Limits;
  readonly #metrics: ServiceMetrics;
  readonly #streams = new Map<ClientStream, StreamOwner>();
  readonly #feeds = new Set<Feed>();
  /** Those that others may join, by what was asked for. */
  readonly #shared = new Map<string, Promise<Feed>>();
  readonly #perClient = new Map<string, number>();
  #opening = 0;
  #droppedByEnded = 0;
  #stopped = false;

  constructor(provider: EventProvider, encoder: BlockEncoder, limits: Limits, metrics: ServiceMetrics) {
    this.#provider = provider;
    this.#encoder = encoder;
    this.#limits = limits;
    this.#metrics = metrics;
  }

  /** Streams that clients have open. */
  get size(): number {
    return this.#streams.size;
  }

  /** What waits for all clients together, here and in the sensor. */
  queued(what: "queued" | "queuedBytes"): number {
    let sum = 0;
    for (const stream of this.#streams.keys()) sum += stream[what];
    for (const feed of this.#feeds) sum += feed[what];
    return sum;
  }

  /** Events that found no room in a client's queue since the start. */
  get dropped(): number {
    let sum = this.#droppedByEnded;
    for (const stream of this.#streams.keys()) if (!stream.ended) sum += stream.dropped;
    return sum;
  }

  /** Subscriptions of the sensor behind them. */
  get subscriptions(): number {
    return this.#feeds.size;
  }

  /**
   * Opens a stream, which is closed when its owner's signal fires.
   *
   * @throws ConnectError ResourceExhausted when there are enough, Unavailable after {@link Feeds.end}; the signal's
   *   reason; what the sensor rejects the request with
   */
  async open(request: SubscriptionRequest, owner: StreamOwner): Promise<OpenedStream> {
    this.#assertRunning();
    this.#assertRoom(owner.client);
    this.#opening++;
    this.#count(owner.client, 1);
    let counted = true;
    const uncount = () => {
      if (counted) this.#count(owner.client, -1);
      counted = false;
    };
    try {
      const feed = await this.#feed(request);
      const stream = new ClientStream({
        limits: { events: this.#limits.queueEvents, bytes: this.#limits.queueBytes },
        gaps: this.#provider.gaps,
        gapBlock: (gap) => this.#gapBlock(gap),
        onEnd: (ended) => {
          feed.leave(ended);
          this.#droppedByEnded += ended.dropped;
          uncount();
        },
      });
      this.#streams.set(stream, owner);
      const made = this.#provider.metrics().events;
      feed.join(stream);
      const close = () => this.close(stream);
      if (owner.signal.aborted) close();
      else owner.signal.addEventListener("abort", close, { once: true });
      owner.signal.throwIfAborted();
      // What the sensor made before may still wait for the feed.
      const from = () =>
        Math.min(made + 1, stream.firstSequenceNumber ?? Infinity, feed.firstSequenceNumber ?? Infinity);
      return { stream, statuses: feed.statuses, from };
    } catch (error) {
      uncount();
      throw error;
    } finally {
      this.#opening--;
    }
  }

  /** Closes and forgets a stream; may be called again. */
  close(stream: ClientStream): void {
    this.#streams.delete(stream);
    stream.close();
  }

  /** Ends all with Unavailable, each behind what it has waiting, and lets no other begin. */
  end(): void {
    this.#stopped = true;
    for (const feed of this.#feeds) feed.end();
  }

  /** Ends all at once. */
  closeAll(): void {
    this.#stopped = true;
    for (const stream of [...this.#streams.keys()]) this.close(stream);
    for (const feed of [...this.#feeds]) feed.close();
  }

  /** The feed for a request, open and not ended. */
  async #feed(request: SubscriptionRequest): Promise<Feed> {
    const key = sharingKey(request);
    if (key === undefined) return this.#openFeed(request, false);
    while (true) {
      let opening = this.#shared.get(key);
      if (opening === undefined) {
        opening = this.#openFeed(request, true, () => this.#shared.delete(key));
        this.#shared.set(key, opening);
        // Whoever waits for it is told.
        opening.catch(() => this.#shared.delete(key));
      }
      const feed = await opening;
      if (!feed.ended) return feed;
      this.#assertRunning();
      if (this.#shared.get(key) === opening) this.#shared.delete(key);
    }
  }

  async #openFeed(request: SubscriptionRequest, shared: boolean, onEnd: () => void = () => {}): Promise<Feed> {
    const { queueEvents: events, queueBytes: bytes, batchTime } = this.#limits;
    const queue = shared ? sharedQueue : { events, bytes };
    const subscription = await this.#provider.newSubscription({ ...request, queue });
    const feed = new Feed(subscription, shared, {
      batchTime,
      blocks: (batch) => this.#encoder.blocks(batch, this.#feeds.size > 1),
      onBatch: (batch) => this.#metrics.taken(batch),
      endError: () => (this.#stopped || this.#provider.stopping ? aboutToStop() : undefined),
      onEnd: (ended) => {
        this.#feeds.delete(ended);
        onEnd();
      },
    });
    if (this.#stopped) {
      feed.close();
      this.#assertRunning();
    }
    this.#feeds.add(feed);
    return feed;
  }

  #gapBlock(gap: Gap): EventBlock {
    const event = this.#provider.gaps.toEvent(gap);
    return this.#encoder.blocks([event], false)[0] as EventBlock;
  }

  #count(client: string, change: 1 | -1): void {
    const count = (this.#perClient.get(client) ?? 0) + change;
    if (count > 0) this.#perClient.set(client, count);
    else this.#perClient.delete(client);
  }

  #assertRoom(client: string): void {
    const { subscriptions, subscriptionsPerClient } = this.#limits;
    if (this.#streams.size + this.#opening >= subscriptions) {
      const message = `the service has its ${subscriptions} subscriptions – end one, or try again later`;
      throw new ConnectError(message, Code.ResourceExhausted);
    }
    if ((this.#perClient.get(client) ?? 0) < subscriptionsPerClient) return;
    const message = `this client has its ${subscriptionsPerClient} subscriptions – end one first`;
    throw new ConnectError(message, Code.ResourceExhausted);
  }

  #assertRunning(): void {
    if (this.#stopped) throw aboutToStop();
  }
}

function aboutToStop(): ConnectError {
  return new ConnectError("the service is about to stop – connect again later", Code.Unavailable);
}

/** A shared feed takes what there is at once, but what the kernel's rings held may come at once, too. */
const sharedQueue = { events: 262_144, bytes: 256 * 1024 * 1024 };

/**
 * What makes two requests the same; undefined where a request is for one client alone, because what it gets depends on
 * when it came.
 */
function sharingKey(request: SubscriptionRequest): string | undefined {
  const { filters, ...rest } = request as SubscriptionRequest & Record<string, unknown>;
  const restricted = Object.entries(rest).filter(([name, value]) => value !== undefined && !timeless.has(name));
  if (restricted.length > 0) return undefined;
  return JSON.stringify(request, (_, value) => {
    if (typeof value === "bigint") return `${value}n`;
    if (value instanceof Map) return [...value];
    return value;
  });
}

/** Fields beside filters that mean the same whenever a client comes. */
const timeless = new Set(["containers", "containerFilter"]);
