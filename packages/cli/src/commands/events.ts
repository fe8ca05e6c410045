import { type GetEventsResponse, subscriptionFor, type TelemetryEvent } from "@kernscope/telemetry-api";
import { clientOf, explain } from "../connect.js";
import { CliError } from "../errors.js";
import { printable } from "../format/printable.js";
import { defaultSelectors, parseSelectors } from "../selectors.js";

export interface EventsOptions {
  /** `KIND` or `KIND where EXPRESSION`; the default ones where there are none. */
  readonly selectors: readonly string[];
  readonly address: string;
  /** Ends after so many events. */
  readonly limit?: number | undefined;
  /** Ends after so many nanoseconds. */
  readonly durationNanos?: number | undefined;
  /** Makes a line of an event. */
  readonly format: (event: TelemetryEvent) => string;
  /** Takes lines; resolves when they are written. */
  readonly write: (text: string) => Promise<void>;
  /** Takes what the person should know, in one line. */
  readonly warn: (text: string) => void;
  /** Ends the stream. */
  readonly signal: AbortSignal;
}

/**
 * Prints events as they happen, until a limit, a time or the signal ends it.
 *
 * @throws CliError, also where the service ends the stream without being asked to
 */
export async function events(options: EventsOptions): Promise<void> {
  const { address, limit, durationNanos, signal } = options;
  const selectors = parseSelectors(options.selectors.length > 0 ? options.selectors : defaultSelectors);
  const subscription = subscriptionFor(selectors, { limit, durationNanos });
  const client = clientOf(address);
  const counts = { events: 0, lost: 0n };
  const started = process.hrtime.bigint();
  try {
    for await (const response of client.getEvents({ subscription }, { signal })) await print(response, options, counts);
  } catch (error) {
    if (!signal.aborted && (error as NodeJS.ErrnoException).syscall !== "write") throw explain(error, address);
    if (!signal.aborted) throw error;
  } finally {
    if (counts.lost > 0n) options.warn(`${counts.lost} events were lost`);
  }
  const isOver =
    signal.aborted ||
    (limit !== undefined && counts.events >= limit) ||
    (durationNanos !== undefined && process.hrtime.bigint() - started >= BigInt(durationNanos) - CLOCK_SLACK);
  if (!isOver) throw new CliError(`the service at ${printable(address)} ended the stream – look at its log`);
}

/** Nanoseconds: timers of the service may fire this much too soon. */
const CLOCK_SLACK = 5_000_000n;

async function print(
  { events, statuses }: GetEventsResponse,
  { format, write, warn }: EventsOptions,
  counts: { events: number; lost: bigint },
): Promise<void> {
  for (const { code, message } of statuses) if (code !== 0) warn(`not honoured: ${printable(message)}`);
  let text = "";
  for (const { event } of events) {
    if (event === undefined) continue;
    if (event.event.case === "lost") counts.lost += event.event.value.lost;
    else counts.events++;
    text += `${format(event)}\n`;
  }
  if (text !== "") await write(text);
}
