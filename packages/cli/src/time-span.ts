import { CliError, ExitStatus } from "./errors.js";

const nanoseconds: Readonly<Record<string, number>> = { ms: 1e6, s: 1e9, m: 60e9, h: 3600e9, d: 86_400e9 };

/** Reads a time such as `500ms`, `1.5s`, `2m` or `1h`; returns nanoseconds, from 1 to 2^53 - 1 (104 days). */
export function parseTimeSpan(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text);
  const span = match === null ? 0 : Math.round(Number(match[1]) * (nanoseconds[match[2] ?? ""] ?? 0));
  if (span >= 1 && span <= Number.MAX_SAFE_INTEGER) return span;
  const message = `${JSON.stringify(text)} is no time – give one such as 500ms, 5s, 2m or 1h, at most 104d`;
  throw new CliError(message, ExitStatus.USAGE);
}
