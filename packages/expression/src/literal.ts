import { ExpressionError } from "./errors.js";
import { type Value, value } from "./expression.js";
import { type FieldType, integerRange } from "./field-types.js";
import { canonicalInteger, exactInteger } from "./integer.js";
import type { Token } from "./lexer.js";
import { placed } from "./positions.js";
import { printString } from "./string-literal.js";
import { printTimestamp, readTimestamp } from "./timestamp.js";

/** How a value of a type is written, for an error's remedy. */
const examples: Readonly<Record<string, string>> = {
  string: 'a string, such as "/etc/*"',
  bool: "true or false",
  double: "a number, such as 0.5",
  timestamp: 'a time, such as "2024-02-29T12:00:00Z"',
};

/**
 * Makes a value of a type from a token.
 *
 * @param asMask a hexadecimal or octal number may set the sign bit, as in C: `0x80000000` of an int32
 * @throws ExpressionError `syntax`, `type` or `range`
 */
export function readValue(token: Token, type: FieldType, asMask = false): Value {
  const { start, end } = token;
  return placed(value(type, constantOf(token, type, asMask)), start, end);
}

function constantOf(token: Token, type: FieldType, asMask: boolean): Value["value"] {
  const { kind, text } = token;
  if (type === "string" && kind === "string") return text;
  if (type === "bool" && kind === "name" && (text === "true" || text === "false")) return text === "true";
  if (type === "double" && kind === "number") return readDouble(token);
  if (type === "timestamp" && kind === "string") {
    const nanos = readTimestamp(text);
    if (nanos !== undefined) return nanos;
    throw new ExpressionError("range", "this is no time", `write ${examples[type]}`, token);
  }
  if (integerRange(type) !== undefined && kind === "number") return readInteger(token, type, asMask);
  const wanted = examples[type] ?? `an integer, such as 3 or 0x3`;
  if (kind === "end") throw new ExpressionError("syntax", "a value is missing", `write ${wanted}`, token);
  throw new ExpressionError("type", `this is no value of type ${type}`, `write ${wanted}`, token);
}

function readInteger(token: Token, type: FieldType, asMask: boolean): number | bigint {
  const match = /^(-?)(?:0x([0-9a-f]+)|0o?([0-7]+)|(0|[1-9]\d*))$/i.exec(token.text);
  if (match === null) {
    const isFraction = /^-?\d+\./.test(token.text);
    const reason = isFraction ? `this is no integer, and the field is ${type}` : "this is no number";
    throw new ExpressionError(isFraction ? "type" : "syntax", reason, "write 10, 0xa, 012 or -10", token);
  }
  const [, sign, hex, octal, decimal] = match;
  const size = BigInt(hex !== undefined ? `0x${hex}` : octal !== undefined ? `0o${octal}` : (decimal as string));
  const { min, max, bits, signed } = integerRange(type) as NonNullable<ReturnType<typeof integerRange>>;
  let number = sign === "-" ? -size : size;
  if (asMask && signed && decimal === undefined && number > max && number < 1n << BigInt(bits)) {
    number = BigInt.asIntN(bits, number);
  }
  if (number >= min && number <= max) return canonicalInteger(number);
  throw new ExpressionError("range", `out of the range of ${type}`, `it goes from ${min} to ${max}`, token);
}

function readDouble(token: Token): number {
  const isNumber = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:e[+-]?\d+)?$/i.test(token.text);
  if (!isNumber) throw new ExpressionError("syntax", "this is no number", "write 10, -0.5 or 1e9", token);
  const number = Number(token.text);
  if (Number.isFinite(number)) return number;
  throw new ExpressionError("range", "out of the range of double", "it goes to 1.8e308", token);
}

/**
 * The literal of a value, which {@link readValue} reads back.
 *
 * @param asMask in hexadecimal, where that is shorter to understand
 */
export function printValue({ valueType, value }: Value, asMask = false): string {
  if (typeof value === "string") return printString(value);
  if (valueType === "timestamp") return printString(printTimestamp(exactInteger(value) ?? 0n));
  if (typeof value === "boolean") return String(value);
  if (valueType === "double") return Object.is(value, -0) ? "-0" : String(value);
  return asMask && value > 9 ? `0x${value.toString(16)}` : String(value);
}
