import type { BitwiseAnd, Comparison, Expression, Identifier, Value } from "./expression.js";
import { type FieldTypes, integerRange, typeOfField } from "./field-types.js";
import { compileGlob } from "./glob.js";
import { compileGlobEnd } from "./glob-end.js";
import { canonicalInteger } from "./integer.js";
import { compileMask } from "./mask.js";
import { oppositeComparison } from "./negation.js";
import { TextEnd } from "./text-end.js";
import { validateJoined } from "./validate.js";

/**
 * Looks a field of an event up. What it returns is of the field's type: integers as `number` or `bigint`, a timestamp as
 * nanoseconds since 1970 UTC; a string of which not all is known as a {@link TextEnd}; `undefined` or `null` where the
 * event has no such field.
 */
export type FieldLookup = (name: string) => string | TextEnd | number | bigint | boolean | undefined | null;

/** Tells whether an event passes. */
export type Predicate = (lookup: FieldLookup) => boolean;

/**
 * Makes a predicate of an expression. It passes where the expression is true. As in SQL, a condition on a field that is
 * absent is neither true nor false, and so is its negation: `flags != 3` and `!(flags == 3)` are the same, and neither
 * passes an event without flags; `flags is null` does. Of a {@link TextEnd} what may be true passes.
 *
 * @throws ExpressionError as `validate`; a tree that was put together from valid ones is not too large
 */
export function compile(expression: Expression, types: FieldTypes): Predicate {
  validateJoined(expression, types);
  return predicate(expression, types, false);
}

/** Negations are carried down to the fields: there alone it has to be known that a field is absent. */
function predicate(node: Expression, types: FieldTypes, isNegated: boolean): Predicate {
  switch (node.type) {
    case "not":
      return predicate(node.operand, types, !isNegated);
    case "and":
    case "or": {
      const operands = node.operands.map((operand) => predicate(operand, types, isNegated));
      return (node.type === "and") === isNegated ? any(operands) : all(operands);
    }
    case "identifier":
      return equals(node.name, !isNegated);
    case "isNull":
    case "isNotNull":
      return nullTest((node.operand as Identifier).name, (node.type === "isNull") !== isNegated);
    case "like":
      return like((node.left as Identifier).name, (node.right as Value).value as string, !isNegated);
    case "bitwiseAnd":
      return maskTest(node, 0, types, isNegated);
    case "value":
      throw new TypeError("a value is no condition");
    default:
      return comparison(node, types, isNegated);
  }
}

function all(operands: readonly Predicate[]): Predicate {
  if (operands.length === 2) {
    const [first, second] = operands as [Predicate, Predicate];
    return (lookup) => first(lookup) && second(lookup);
  }
  if (operands.length === 3) {
    const [first, second, third] = operands as [Predicate, Predicate, Predicate];
    return (lookup) => first(lookup) && second(lookup) && third(lookup);
  }
  return (lookup) => {
    for (const operand of operands) if (!operand(lookup)) return false;
    return true;
  };
}

function any(operands: readonly Predicate[]): Predicate {
  if (operands.length === 2) {
    const [first, second] = operands as [Predicate, Predicate];
    return (lookup) => first(lookup) || second(lookup);
  }
  if (operands.length === 3) {
    const [first, second, third] = operands as [Predicate, Predicate, Predicate];
    return (lookup) => first(lookup) || second(lookup) || third(lookup);
  }
  return (lookup) => {
    for (const operand of operands) if (operand(lookup)) return true;
    return false;
  };
}

function nullTest(name: string, whereAbsent: boolean): Predicate {
  return (lookup) => {
    const value = lookup(name);
    return (value === undefined || value === null) === whereAbsent;
  };
}

function like(name: string, pattern: string, wanted: boolean): Predicate {
  const matches = compileGlob(pattern);
  const { mayMatch, mayDiffer } = compileGlobEnd(pattern);
  const may = wanted ? mayMatch : mayDiffer;
  return (lookup) => {
    const value = lookup(name);
    if (typeof value === "string") return matches(value) === wanted;
    return value instanceof TextEnd && may(value.end);
  };
}

function comparison(node: Comparison, types: FieldTypes, isNegated: boolean): Predicate {
  const { value } = node.right as Value;
  if (node.left.type === "bitwiseAnd") {
    return maskTest(node.left, value as number | bigint, types, (node.type === "ne") === isNegated);
  }
  const { name } = node.left as Identifier;
  const operator = isNegated ? oppositeComparison[node.type] : node.type;
  if (typeof value === "string" || typeof value === "boolean") {
    if (operator !== "eq") return differs(name, value);
    return typeof value === "string" ? equalsText(name, value) : equals(name, value);
  }
  const constant = typeof value === "bigint" ? canonicalInteger(value) : value;
  switch (operator) {
    case "eq":
      return equalsNumber(name, constant);
    case "ne":
      return differsFromNumber(name, constant);
    // JavaScript compares number and bigint exactly.
    case "lt":
      return ordered(name, (field) => field < constant);
    case "le":
      return ordered(name, (field) => field <= constant);
    case "gt":
      return ordered(name, (field) => field > constant);
    default:
      return ordered(name, (field) => field >= constant);
  }
}

function equals(name: string, constant: unknown): Predicate {
  return (lookup) => lookup(name) === constant;
}

function equalsText(name: string, constant: string): Predicate {
  return (lookup) => {
    const value = lookup(name);
    return value === constant || (value instanceof TextEnd && constant.endsWith(value.end));
  };
}

/** A text whose end alone is known may be another one, whatever it ends with. */
function differs(name: string, constant: unknown): Predicate {
  return (lookup) => {
    const value = lookup(name);
    return value !== undefined && value !== null && value !== constant;
  };
}

/** A field of 64 bits may come as a `number` in one event and as a `bigint` in the next. */
function equalsNumber(name: string, constant: number | bigint): Predicate {
  const wide = Number.isInteger(Number(constant)) ? BigInt(constant) : undefined;
  return (lookup) => {
    const value = lookup(name);
    return value === constant || (typeof value === "bigint" && value === wide);
  };
}

function differsFromNumber(name: string, constant: number | bigint): Predicate {
  const wide = Number.isInteger(Number(constant)) ? BigInt(constant) : undefined;
  return (lookup) => {
    const value = lookup(name);
    return (
      value !== undefined && value !== null && value !== constant && !(typeof value === "bigint" && value === wide)
    );
  };
}

function ordered(name: string, test: (field: number | bigint) => boolean): Predicate {
  return (lookup) => {
    const value = lookup(name);
    return value !== undefined && value !== null && test(value as number | bigint);
  };
}

/** The masked field differs from `constant`, or is equal to it. */
function maskTest(node: BitwiseAnd, constant: number | bigint, types: FieldTypes, isEqual: boolean): Predicate {
  const { name } = node.left as Identifier;
  const { value } = node.right as Value;
  const range = integerRange(typeOfField(types, name) ?? "int64");
  const test = compileMask(value as number | bigint, constant, range?.bits ?? 64);
  return (lookup) => {
    const field = lookup(name);
    return field !== undefined && field !== null && test(field as number | bigint) === isEqual;
  };
}
