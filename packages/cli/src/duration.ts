import { CliError } from "./errors.js";

const nanosPer = { ms: 1e6, s: 1e9, m: 60e9, h: 3600e9 } as const;

/**
 * Reads a time such as `500ms`, `5s`, `1.5m` or `1h` as nanoseconds.
 *
 * @throws {CliError} `usage`
 */
export function parseDuration(text: string): number {
  const [, amount = "", unit = ""] = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(text) ?? [];
  const nanos = Math.round(Number(amount) * nanosPer[unit as keyof typeof nanosPer]);
  if (Number.isSafeInteger(nanos) && nanos >= 1) return nanos;
  throw new CliError("usage", `--for ${text}: not a time – give a number with ms, s, m or h, such as 5s`);
}
