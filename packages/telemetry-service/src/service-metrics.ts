import { Code } from "@connectrpc/connect";
import type { EventInit } from "@kernscope/telemetry-api";
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { EventCounters } from "./event-provider.js";
import { kindOfEvent } from "./filter-kinds.js";
import type { EventBlock } from "./streams/event-block.js";

/** Upper bounds of the latency's buckets, in seconds. */
const LATENCIES = [0.0005, 0.001, 0.002, 0.003, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** What the service counts itself, for its page of metrics. */
export class ServiceMetrics {
  readonly registry = new Registry();
  readonly #taken: Counter<"kind">;
  readonly #sent: Counter;
  readonly #sentBytes: Counter;
  readonly #cut: Counter;
  readonly #refused: Counter<"code">;
  readonly #latency: Histogram;

  constructor() {
    const registers = [this.registry];
    const counter = <L extends string = never>(name: string, help: string, labelNames: readonly L[] = []) =>
      new Counter<L>({ name: `kernscope_${name}`, help, labelNames: [...labelNames], registers });
    this.#taken = counter("stream_events_total", "Events of clients' subscriptions; equal subscriptions count once.", [
      "kind",
    ]);
    this.#sent = counter("sent_events_total", "Events that clients took.");
    this.#sentBytes = counter("sent_bytes_total", "Bytes of the events that clients took, in protobuf.");
    this.#cut = counter("cut_streams_total", "Streams of clients that took nothing for too long.");
    this.#refused = counter("refused_requests_total", "Requests that were refused, by google.rpc.Code.", ["code"]);
    this.#latency = new Histogram({
      name: "kernscope_latency_seconds",
      help: "From an event in the kernel until a client took it: of the oldest event of each response.",
      buckets: LATENCIES,
      registers,
    });
  }

  /** Adds figures of the process. They go on being taken as long as it lives. */
  addProcessFigures(): void {
    collectDefaultMetrics({ register: this.registry });
  }

  /** A figure that is looked up when somebody asks. */
  gauge(name: string, help: string, read: () => number): void {
    const gauge: Gauge = new Gauge({
      name: `kernscope_${name}`,
      help,
      registers: [this.registry],
      collect: () => gauge.set(read()),
    });
  }

  /** A count since the start that is looked up when somebody asks. */
  total(name: string, help: string, read: () => number): void {
    const counter: Counter = new Counter({
      name: `kernscope_${name}`,
      help,
      registers: [this.registry],
      collect: () => {
        counter.reset();
        counter.inc(read());
      },
    });
  }

  /** Adds what a sensor counts. */
  addSensor(read: () => EventCounters): void {
    this.total("sensor_events_total", "Events that the sensor made.", () => read().events);
    const lost: Counter<"cause"> = new Counter({
      name: "kernscope_lost_events_total",
      help: "Events that were lost, by where: in the kernel or before they were read, or in the sensor's queues. Each was told.",
      labelNames: ["cause"],
      registers: [this.registry],
      collect: () => {
        lost.reset();
        lost.inc({ cause: "kernel" }, read().lost ?? 0);
        lost.inc({ cause: "sensor_queue" }, read().dropped ?? 0);
      },
    });
    this.gauge("sensor_queued_events", "Events that wait in the sensor.", () => read().queued ?? 0);
    this.gauge("sensor_sources", "What is open in the kernel for subscriptions.", () => read().sources ?? 0);
  }

  /** Adds the figures of caches: what they hold, and what they gave up. */
  addCaches(read: () => Readonly<Record<string, object | undefined>>): void {
    const gauge: Gauge<"cache" | "figure"> = new Gauge({
      name: "kernscope_cache",
      help: "Figures of the sensor's caches: entries that they hold now, and what they counted since the start.",
      labelNames: ["cache", "figure"],
      registers: [this.registry],
      collect: () => {
        for (const [cache, figures] of Object.entries(read())) {
          for (const [figure, value] of Object.entries(figures ?? {})) {
            if (typeof value === "number") gauge.set({ cache, figure }, value);
          }
        }
      },
    });
  }

  /** A batch came from the sensor. */
  taken(batch: readonly EventInit[]): void {
    let first = batch[0];
    let count = 0;
    for (const event of batch) {
      if (first !== event && !areAlike(first, event)) {
        if (first !== undefined) this.#taken.inc({ kind: kindOfEvent(first) }, count);
        first = event;
        count = 0;
      }
      count++;
    }
    if (first !== undefined) this.#taken.inc({ kind: kindOfEvent(first) }, count);
  }

  /** A client took a block. */
  sent(block: EventBlock): void {
    const { events, unixTimeNanos: time } = block.facts;
    this.#sent.inc(events);
    this.#sentBytes.inc(block.response.length);
    if (time !== undefined) this.#latency.observe(Math.max(0, Date.now() / 1e3 - time / 1e9));
  }

  /** A client that took nothing was cut. */
  cut(): void {
    this.#cut.inc();
  }

  /** A request was refused, before anything of a stream was sent. */
  refused(code: Code): void {
    this.#refused.inc({ code: Code[code] });
  }
}

/** Whether two events are of the same kind, as far as that is told without looking kinds up. */
function areAlike(one: EventInit | undefined, other: EventInit): boolean {
  const a = one?.event;
  const b = other.event;
  return a?.case === b?.case && (a?.value as { type?: number })?.type === (b?.value as { type?: number })?.type;
}
