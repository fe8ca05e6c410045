import { type EventSelector, eventKind, TelemetryApiError } from "@kernscope/telemetry-api";
import { CliError, ExitStatus } from "./errors.js";

/** What is watched unless something is named. */
export const defaultSelectors = ["fork", "exec", "exit"];

/**
 * Reads selectors as they stand on a command line: `KIND` or `KIND where EXPRESSION`.
 *
 * @throws CliError for a kind that there is not, with the nearest one, and for a condition, which is not supported yet
 */
export function parseSelectors(texts: readonly string[]): EventSelector[] {
  return [...new Set(texts)].map(parseSelector);
}

function parseSelector(text: string): EventSelector {
  const [, name = "", rest] = /^\s*(\S*)(?:\s+([\s\S]*\S))?\s*$/.exec(text) ?? [];
  if (/^where$/i.test(name)) {
    throw usage(
      `${JSON.stringify(text)}: no kind before the condition – write 'KIND where EXPRESSION' in one argument`,
    );
  }
  let kind: EventSelector["kind"];
  try {
    kind = eventKind(name);
  } catch (error) {
    if (!(error instanceof TelemetryApiError)) throw error;
    // Where the one that was meant can be told, a list of all would only hide it.
    throw usage(error.message.replace(/^eventKind\((".*?")\): /, "$1: ").replace(/(did you mean [^?]*\?) .*/, "$1"));
  }
  if (rest === undefined) return { kind };
  if (/^where\b/i.test(rest)) {
    throw usage(`${JSON.stringify(text)}: conditions are not supported yet – give ${kind} and filter what is printed`);
  }
  throw usage(`${JSON.stringify(text)}: more than a kind – give each selector as an argument of its own`);
}

function usage(message: string): CliError {
  return new CliError(message, ExitStatus.USAGE);
}
