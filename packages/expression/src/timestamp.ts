const NANOS = 1_000_000_000n;
/** Seconds since 1970 UTC of 0001-01-01T00:00:00Z and 9999-12-31T23:59:59Z: what a protobuf timestamp may be. */
const [earliest, latest] = [-62_135_596_800n, 253_402_300_799n];

/**
 * Reads RFC 3339, such as `2024-02-29T12:00:00.5Z` or `2024-02-29T13:00:00+01:00`.
 *
 * @returns nanoseconds since 1970 UTC; undefined where the text is none, or out of the range of a protobuf timestamp
 */
export function readTimestamp(text: string): bigint | undefined {
  const match = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$/.exec(text);
  if (match === null) return undefined;
  const [, time = "", fraction = "", zone = ""] = match;
  const millis = Date.parse(`${time}${zone}`);
  // Date takes 30 February for 1 March.
  if (Number.isNaN(millis) || new Date(Date.parse(`${time}Z`)).toISOString().slice(0, 19) !== time) return undefined;
  const nanos = BigInt(millis) * 1_000_000n + BigInt(fraction.padEnd(9, "0"));
  return isTimestamp(nanos) ? nanos : undefined;
}

/** The text that {@link readTimestamp} reads, in UTC. */
export function printTimestamp(nanos: bigint): string {
  const fraction = ((nanos % NANOS) + NANOS) % NANOS;
  const time = new Date(Number((nanos - fraction) / 1_000_000n)).toISOString().slice(0, 19);
  const digits = fraction.toString().padStart(9, "0").replace(/0+$/, "");
  return `${time}${digits === "" ? "" : `.${digits}`}Z`;
}

/** It is in the range of a protobuf timestamp: the years 1 to 9999. */
export function isTimestamp(nanos: bigint): boolean {
  return nanos >= earliest * NANOS && nanos < (latest + 1n) * NANOS;
}
