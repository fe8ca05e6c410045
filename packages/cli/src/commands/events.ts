import {
  type GetEventsResponse,
  type Subscription,
  subscriptionFor,
  type TelemetryEvent,
} from "@kernscope/telemetry-api";
import { clientOf, explain } from "../connect.js";
import type { CredentialFiles } from "../credentials.js";
import { CliError, ExitStatus } from "../errors.js";
import { printable } from "../format/printable.js";
import { defaultSelectors, parseSelectors } from "../selectors.js";
import { readSubscription } from "../subscription-file.js";

export interface EventsOptions {
  /** `KIND` or `KIND where EXPRESSION`; the default ones where there are none. */
  readonly selectors: readonly string[];
  /** Names or ids of containers, or the first 12 or more digits of ids: only what happens in them. */
  readonly containers?: readonly string[] | undefined;
  /** Names of images, as globs, or ids of images. */
  readonly images?: readonly string[] | undefined;
  /** A file that has the whole subscription, instead of all the others. */
  readonly subscription?: string | undefined;
  readonly address: string;
  /** What the client knows the service by, and proves itself with. */
  readonly credentials?: CredentialFiles | undefined;
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
  const { address, signal } = options;
  const subscription = await subscriptionOf(options);
  const limit = subscription.modifier?.limit?.limit;
  const durationNanos = subscription.forDuration;
  const client = clientOf(address, options.credentials);
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
    (durationNanos !== undefined && process.hrtime.bigint() - started >= durationNanos - CLOCK_SLACK);
  if (!isOver) throw new CliError(`the service at ${printable(address)} ended the stream – look at its log`);
}

async function subscriptionOf(options: EventsOptions): Promise<Subscription> {
  const { selectors, containers = [], images = [], subscription: file, limit, durationNanos } = options;
  if (file !== undefined) {
    if (
      selectors.length + containers.length + images.length === 0 &&
      limit === undefined &&
      durationNanos === undefined
    ) {
      return readSubscription(file);
    }
    const message = "--subscription has the whole subscription – leave out selectors, limits and containers";
    throw new CliError(message, ExitStatus.USAGE);
  }
  const parsed = await parseSelectors(selectors.length > 0 ? selectors : defaultSelectors);
  const isId = (image: string) => /^sha256:[0-9a-f]+$/.test(image);
  const containerFilter = {
    ids: [...containers],
    names: [...containers],
    imageIds: images.filter(isId),
    imageNames: images.filter((image) => !isId(image)),
  };
  const restricts = containers.length + images.length > 0;
  return subscriptionFor(parsed, { limit, durationNanos, ...(restricts && { containers: containerFilter }) });
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
