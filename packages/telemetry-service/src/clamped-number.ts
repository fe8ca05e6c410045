/**
 * A count, or nanoseconds, of a request as the sensor takes it: what is beyond 2^53 − 1, which are a hundred days, comes to
 * the same as that.
 */
export function clampedNumber(value: bigint): number {
  return value > Number.MAX_SAFE_INTEGER ? Number.MAX_SAFE_INTEGER : Number(value);
}
