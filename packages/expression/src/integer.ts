/** An integer as a `number` where that is exact, as a `bigint` where not: the form that trees from a text have. */
export function canonicalInteger(value: number | bigint): number | bigint {
  if (typeof value === "number") return value === 0 ? 0 : value;
  return value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER ? Number(value) : value;
}

/** The integer that a value is, exactly; undefined where it is none. */
export function exactInteger(value: unknown): bigint | undefined {
  if (typeof value === "bigint") return value;
  return Number.isSafeInteger(value) ? BigInt(value as number) : undefined;
}
