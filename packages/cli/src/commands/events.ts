import { createClient } from "@connectrpc/connect";
import { subscriptionFor, type TelemetryEvent, TelemetryService } from "@kernscope/telemetry-api";
import { addressOption, toCliError, transportTo } from "../connect.js";
import { parseDuration } from "../duration.js";
import { CliError } from "../errors.js";
import type { Formatter } from "../format/formatter.js";
import { LineOutput } from "../line-output.js";
import { parseSelectors } from "../selectors.js";

export interface EventsOptions {
  address: string;
  /** End after so many events. */
  limit?: string;
  /** End after a time such as `5s`. */
  for?: string;
}

export interface EventsContext {
  output: NodeJS.WritableStream;
  /** Says something to the person that is no event. */
  say: (text: string) => void;
  format: Formatter;
  /** Ends the command. */
  signal: AbortSignal;
}

/**
 * `kernscope events`: subscribes and writes a line for each event, until the limit, the time, the signal, or nobody reads.
 *
 * @throws {CliError}
 */
export async function events(words: readonly string[], options: EventsOptions, context: EventsContext): Promise<void> {
  const selectors = parseSelectors(words);
  const address = addressOption(options.address);
  const limit = options.limit === undefined ? undefined : parseLimit(options.limit);
  const durationNanos = options.for === undefined ? undefined : parseDuration(options.for);
  const subscription = subscriptionFor(selectors, { limit, durationNanos });

  const output = new LineOutput(context.output as NodeJS.WriteStream);
  const ending = new AbortController();
  const signal = AbortSignal.any([context.signal, ending.signal]);
  context.output.on("close", () => ending.abort());
  try {
    const responses = createClient(TelemetryService, transportTo(address)).getEvents({ subscription }, { signal });
    for await (const response of responses) {
      for (const { code, message } of response.statuses) if (code !== 0) context.say(message);
      const events = response.events.map(({ event }) => event).filter((event): event is TelemetryEvent => !!event);
      await output.write(events.map(context.format));
      if (output.closed) return;
    }
  } catch (error) {
    if (signal.aborted || output.closed) return;
    throw toCliError(error, address);
  } finally {
    ending.abort();
  }
  if (limit === undefined && durationNanos === undefined && !context.signal.aborted && !output.closed) {
    throw new CliError("unavailable", `events(${options.address}): the service has ended the stream – start it again`);
  }
}

function parseLimit(text: string): number {
  const limit = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(limit) && limit >= 1) return limit;
  throw new CliError("usage", `--limit ${text}: not a count – give a whole number from 1`);
}
