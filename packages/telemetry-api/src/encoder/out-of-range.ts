import { TelemetryApiError } from "../errors.js";

/** A protobuf type that not every value of its JavaScript type fits. */
export type WireType =
  | "int32"
  | "uint32"
  | "sint32"
  | "fixed32"
  | "int64"
  | "uint64"
  | "sint64"
  | "fixed64"
  | "string"
  | "bytes";

/** Makes the error for a value that its field cannot have. */
export function outOfRange(field: number, value: unknown, type: WireType): TelemetryApiError {
  const shown = typeof value === "bigint" ? `${value}n` : String(value);
  return new TelemetryApiError(
    "invalid_value",
    `encode(field ${field})`,
    `${shown} is not of type ${type}`,
    remedy(type),
  );
}

function remedy(type: WireType): string {
  if (type === "string") return "give a string";
  if (type === "bytes") return "give a Uint8Array";
  const bits = type.endsWith("64") ? 64n : 32n;
  const signed = type.startsWith("int") || type.startsWith("sint");
  const lowest = signed ? -(2n ** (bits - 1n)) : 0n;
  const highest = 2n ** (signed ? bits - 1n : bits) - 1n;
  return `give an integer from ${lowest} to ${highest}${bits === 64n ? ", beyond ±(2^53 - 1) as a bigint" : ""}`;
}
