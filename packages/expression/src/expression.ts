import type { FieldType } from "./field-types.js";

/**
 * A condition on the fields of an event, as a tree of plain objects. Any tree can be built; {@link validate} tells
 * whether it means something.
 */
export type Expression = Identifier | Value | Junction | Not | Comparison | Like | NullTest | BitwiseAnd;

/** A field of the event. A `bool` field is a condition by itself. */
export interface Identifier {
  readonly type: "identifier";
  readonly name: string;
}

/** A constant. */
export interface Value {
  readonly type: "value";
  readonly valueType: FieldType;
  /**
   * By `valueType`: a string without NUL; an integer in the type's range, as `number` where it is a safe integer or as
   * `bigint`; a boolean; a finite number (`double`); nanoseconds since 1970 UTC (`timestamp`).
   */
  readonly value: string | number | bigint | boolean;
}

/** All of the operands, at least two, or one of them. */
export interface Junction {
  readonly type: "and" | "or";
  readonly operands: readonly Expression[];
}

/** True where the operand is false. Where it is neither, because a field is absent, so is this. */
export interface Not {
  readonly type: "not";
  readonly operand: Expression;
}

/** `==`, `!=`, `<`, `<=`, `>`, `>=`. */
export type ComparisonOperator = "eq" | "ne" | "lt" | "le" | "gt" | "ge";

/**
 * A field, or for `eq` and `ne` a field masked by {@link BitwiseAnd}, against a value of the same type. Strings and bools
 * are equal or not; the rest has an order. Neither true nor false where the field is absent.
 */
export interface Comparison {
  readonly type: ComparisonOperator;
  readonly left: Expression;
  readonly right: Expression;
}

/**
 * A string field matches a pattern, wholly, as a file name matches in the kernel's `lib/glob.c`: `*` is any text, also
 * with `/` in it; `?` any one byte; `[a-z]` one byte of a set and `[!a-z]` one that is not in it; `\` takes the next
 * character for itself. Bytes are those of UTF-8; where a text has a lone surrogate U+DC80 … U+DCFF, the one byte that it
 * stands for. Neither true nor false where the field is absent.
 */
export interface Like {
  readonly type: "like";
  readonly left: Expression;
  readonly right: Expression;
}

/** The field is absent from this event, or is not. */
export interface NullTest {
  readonly type: "isNull" | "isNotNull";
  readonly operand: Expression;
}

/**
 * An integer field masked by a value of its type: the left side of `eq` or `ne`; by itself true where a bit is left.
 * Neither true nor false where the field is absent.
 */
export interface BitwiseAnd {
  readonly type: "bitwiseAnd";
  readonly left: Expression;
  readonly right: Expression;
}

/** All of the operands; the operand itself where there is only one. */
export function and(...operands: readonly [Expression, ...Expression[]]): Expression {
  return operands.length === 1 ? operands[0] : { type: "and", operands };
}

/** One of the operands; the operand itself where there is only one. */
export function or(...operands: readonly [Expression, ...Expression[]]): Expression {
  return operands.length === 1 ? operands[0] : { type: "or", operands };
}

/** True where the operand is false. */
export function not(operand: Expression): Not {
  return { type: "not", operand };
}

/** A field of the event, by its name; by itself a condition where it is a `bool`. */
export function identifier(name: string): Identifier {
  return { type: "identifier", name };
}

/** A constant, such as `value("int32", 3)`; in what form each type has it is said at {@link Value}. */
export function value(valueType: FieldType, constant: Value["value"]): Value {
  return { type: "value", valueType, value: constant };
}

/** A field of a type against a constant, such as `compare("flags", "int32", "eq", 3)`. */
export function compare(
  name: string,
  type: FieldType,
  operator: ComparisonOperator,
  constant: Value["value"],
): Comparison {
  return { type: operator, left: identifier(name), right: value(type, constant) };
}

/** A string field against a pattern. */
export function like(name: string, pattern: string): Like {
  return { type: "like", left: identifier(name), right: value("string", pattern) };
}

/** An integer field masked by a constant. */
export function masked(name: string, type: FieldType, mask: number | bigint): BitwiseAnd {
  return { type: "bitwiseAnd", left: identifier(name), right: value(type, mask) };
}
