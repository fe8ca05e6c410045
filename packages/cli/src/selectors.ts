import { type EventSelector, eventKind, TelemetryApiError } from "@kernscope/telemetry-api";
import { CliError } from "./errors.js";

const everyProcessEvent: readonly EventSelector[] = [{ kind: "fork" }, { kind: "exec" }, { kind: "exit" }];

/**
 * Reads selectors, each `KIND` or `KIND where EXPRESSION`; a selector with `where` may also come as several words. None:
 * all process events.
 *
 * @throws {CliError} `usage`
 */
export function parseSelectors(words: readonly string[]): readonly EventSelector[] {
  if (words.length === 0) return everyProcessEvent;
  const selectors = words.slice(1).includes("where") ? [words.join(" ")] : words;
  return selectors.map(parseSelector);
}

function parseSelector(text: string): EventSelector {
  const [name = "", ...rest] = text.trim().split(/\s+/);
  if (rest.length > 0 && rest[0] !== "where") {
    throw new CliError("usage", `events(${text}): no selector – write KIND or 'KIND where EXPRESSION', in quotes`);
  }
  try {
    const kind = eventKind(name);
    if (rest.length === 0) return { kind };
  } catch (error) {
    if (error instanceof TelemetryApiError) throw new CliError("usage", error.message, { cause: error });
    throw error;
  }
  throw new CliError(
    "usage",
    `events(${text}): expressions are not served yet – leave out "where" and what follows it`,
  );
}
