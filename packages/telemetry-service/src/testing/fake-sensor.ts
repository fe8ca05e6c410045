import { type EventKind, type GapTeller, SensorError, type SubscriptionRequest } from "@kernscope/sensor";
import type { EventInit } from "@kernscope/telemetry-api";
import type { EventProvider, EventSubscription } from "../event-provider.js";

/** A sensor that is told its events. It serves the kinds of processes, and treats requests as a Sensor does. */
export class FakeSensor implements EventProvider {
  readonly id: string = "fake";
  /** What {@link FakeSensor.metrics} tells. */
  events = 0;
  readonly gaps: GapTeller<EventInit> = {
    nextSequenceNumber: () => ++this.events,
    toEvent: ({ sequenceNumber, ...rest }) => ({
      id: `fake-${sequenceNumber}`,
      sensorId: "fake",
      sensorSequenceNumber: sequenceNumber,
      sensorMonotimeNanos: rest.lastMonotimeNanos,
      unixTimeNanos: 0n,
      event: { case: "lost", value: { ...rest, type: 1, cause: 5 } },
    }),
  };
  readonly served = new Set<EventKind>(["process.fork", "process.exec", "process.exit", "process.update"]);
  /** Those that are open. */
  readonly subscriptions = new Set<FakeSubscription>();
  /** All requests so far. */
  readonly requests: SubscriptionRequest[] = [];
  /** What `newSubscription` rejects with. */
  failure: Error | undefined;
  stopping = false;

  async newSubscription(request: SubscriptionRequest): Promise<FakeSubscription> {
    this.requests.push(request);
    if (this.failure !== undefined) throw this.failure;
    for (const number of [request.limit ?? 1, request.duration ?? 1]) {
      if (!Number.isSafeInteger(number) || number < 1) throw new SensorError("invalid", `${number} – give more`);
    }
    const unserved = request.filters.map(({ kind }) => kind).filter((kind) => !this.served.has(kind));
    if (unserved.length === request.filters.length) {
      throw new SensorError("unimplemented", `newSubscription(${unserved.join(", ")}): not served yet`);
    }
    const statuses = unserved.map((kind) => ({ code: 12, message: `${kind}: not served yet` }));
    const subscription = new FakeSubscription(this, request, statuses);
    this.subscriptions.add(subscription);
    return subscription;
  }

  metrics() {
    return { events: this.events };
  }

  /** Gives all subscriptions a batch of events. */
  emit(...events: EventInit[]): void {
    for (const subscription of [...this.subscriptions]) subscription.push(events);
  }
}

/** A subscription to a {@link FakeSensor}. */
export class FakeSubscription implements EventSubscription {
  readonly statuses: EventSubscription["statuses"];
  readonly #sensor: FakeSensor;
  readonly #timer: NodeJS.Timeout | undefined;
  #left: number;
  #queue: (readonly EventInit[])[] = [];
  #error: Error | undefined;
  #wake: () => void = () => {};

  constructor(sensor: FakeSensor, { limit, duration }: SubscriptionRequest, refused: EventSubscription["statuses"]) {
    this.#sensor = sensor;
    this.#left = limit ?? Number.POSITIVE_INFINITY;
    this.statuses = refused.length > 0 ? refused : [{ code: 0, message: "" }];
    if (duration !== undefined) this.#timer = setTimeout(() => this.end(), Math.min(duration / 1e6, 2 ** 31 - 1));
  }

  /** Events that wait. */
  get queued(): number {
    return this.#queue.reduce((sum, batch) => sum + batch.length, 0);
  }

  get firstSequenceNumber(): number | undefined {
    const first = this.#queue[0]?.[0];
    return first && Number(first.sensorSequenceNumber);
  }

  push(events: readonly EventInit[]): void {
    if (!this.#sensor.subscriptions.has(this)) return;
    const taken = events.slice(0, this.#left);
    this.#left -= taken.length;
    this.#queue.push(taken);
    if (this.#left === 0) this.end();
    this.#wake();
  }

  end(error?: Error): void {
    this.#error ??= error;
    this.#sensor.subscriptions.delete(this);
    clearTimeout(this.#timer);
    this.#wake();
  }

  close(): void {
    this.#queue = [];
    this.end();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<readonly EventInit[]> {
    while (true) {
      const batch = this.#queue.shift();
      if (batch !== undefined) yield batch;
      else if (this.#error !== undefined) throw this.#error;
      else if (!this.#sensor.subscriptions.has(this)) return;
      else
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
    }
  }
}
