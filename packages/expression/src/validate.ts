import { ExpressionError, type ExpressionErrorCode } from "./errors.js";
import type { Comparison, Expression, Identifier, Value } from "./expression.js";
import { type FieldType, type FieldTypes, integerRange, listFields, typeOfField } from "./field-types.js";
import { exactInteger } from "./integer.js";
import { joinedLimits, limits, type TreeLimits } from "./limits.js";
import { positionOf } from "./positions.js";
import { isTimestamp } from "./timestamp.js";
import { utf8Length } from "./utf8.js";

/**
 * Checks that a tree is a condition on the fields that there are, and within {@link limits}. A tree that is too large is
 * refused before the rest of it is looked at.
 *
 * @throws ExpressionError; its `position` is set where the tree is one of `parse`
 */
export function validate(expression: Expression, types: FieldTypes): void {
  validateWithin(limits, expression, types);
}

/**
 * As {@link validate}, for a tree that may have been put together from valid ones.
 *
 * @throws ExpressionError
 */
export function validateJoined(expression: Expression, types: FieldTypes): void {
  validateWithin(joinedLimits, expression, types);
}

function validateWithin(most: TreeLimits, expression: Expression, types: FieldTypes): void {
  measure(expression, 1, { nodes: 0, bytes: 0 }, most);
  checkCondition(expression, types);
}

/** Everything below trusts that a node has the form of its type; what comes from outside may not. */
function measure(node: Expression, depth: number, sum: { nodes: number; bytes: number }, most: TreeLimits): void {
  if (typeof node !== "object" || node === null) throw malformed(node);
  if (depth > most.depth) throw refusal("limit", node, `deeper than ${most.depth}`, "nest less");
  sum.nodes++;
  if (node.type === "identifier") sum.bytes += textLength(node, node.name, most);
  else if (node.type === "value") sum.bytes += typeof node.value === "string" ? textLength(node, node.value, most) : 0;
  else if (node.type === "and" || node.type === "or") {
    if (!Array.isArray(node.operands) || node.operands.length < 2) {
      throw refusal("type", node, `${node.type} has no two operands`, "give it two or more");
    }
    sum.nodes += node.operands.length - 2;
    if (sum.nodes <= most.nodes) for (const operand of node.operands) measure(operand, depth + 1, sum, most);
  } else if (node.type === "not" || node.type === "isNull" || node.type === "isNotNull") {
    measure(node.operand, depth + 1, sum, most);
  } else if ("left" in node) {
    measure(node.left, depth + 1, sum, most);
    measure(node.right, depth + 1, sum, most);
  } else throw malformed(node);
  if (sum.nodes > most.nodes) throw refusal("limit", node, `more than ${most.nodes} nodes`, "ask for less");
  if (sum.bytes > most.textBytes)
    throw refusal("limit", node, `more than ${most.textBytes} bytes of text`, "ask for less");
}

function textLength(node: Expression, text: unknown, most: TreeLimits): number {
  if (typeof text !== "string") throw malformed(node);
  return text.length > most.textBytes ? text.length : utf8Length(text);
}

function checkCondition(node: Expression, types: FieldTypes): void {
  switch (node.type) {
    case "and":
    case "or":
      for (const operand of node.operands) checkCondition(operand, types);
      return;
    case "not":
      checkCondition(node.operand, types);
      return;
    case "isNull":
    case "isNotNull":
      fieldType(node.operand, types);
      return;
    case "identifier": {
      const type = fieldType(node, types);
      if (type === "bool") return;
      throw refusal(
        "type",
        node,
        `${node.name} is ${type}, which is no condition by itself`,
        "compare it with a value",
      );
    }
    case "bitwiseAnd":
      checkMask(node, types);
      return;
    case "like":
      checkLike(node, types);
      return;
    case "value":
      throw refusal("type", node, "a value is no condition", "compare a field with it");
    case "eq":
    case "ne":
    case "lt":
    case "le":
    case "gt":
    case "ge":
      checkComparison(node, types);
      return;
    default:
      throw malformed(node);
  }
}

function checkComparison(node: Comparison, types: FieldTypes): void {
  const isEquality = node.type === "eq" || node.type === "ne";
  if (node.left.type === "bitwiseAnd") {
    const type = checkMask(node.left, types);
    if (!isEquality) throw refusal("type", node, "a masked field has no order", "compare it with == or !=");
    checkValue(node.right, type);
    return;
  }
  const type = fieldType(node.left, types);
  if (!isEquality && (type === "string" || type === "bool")) {
    throw refusal("type", node, `${type} has no order`, "compare it with == or !=");
  }
  checkValue(node.right, type);
}

function checkMask(node: Expression & { type: "bitwiseAnd" }, types: FieldTypes): FieldType {
  const type = fieldType(node.left, types);
  if (integerRange(type) === undefined)
    throw refusal("type", node, `& is for integers, and the field is ${type}`, "compare it with ==");
  checkValue(node.right, type);
  return type;
}

function checkLike(node: Expression & { type: "like" }, types: FieldTypes): void {
  const type = fieldType(node.left, types);
  if (type !== "string")
    throw refusal("type", node, `~ is for strings, and the field is ${type}`, "compare it with ==");
  const pattern = checkValue(node.right, type);
  if (utf8Length(pattern.value as string) <= limits.patternBytes) return;
  throw refusal("limit", node.right, `a pattern of more than ${limits.patternBytes} bytes`, "give a shorter one");
}

/** Type of the field that a node names. */
function fieldType(node: Expression, types: FieldTypes): FieldType {
  if (node.type !== "identifier") {
    throw refusal(
      "type",
      node,
      "a field should stand at the left",
      "write the field at the left, the value at the right",
    );
  }
  const { name } = node as Identifier;
  const type = typeOfField(types, name);
  if (type !== undefined) return type;
  throw refusal("unknown_field", node, `there is no field ${JSON.stringify(name.slice(0, 40))}`, listFields(types));
}

function checkValue(node: Expression, type: FieldType): Value {
  if (node.type !== "value") {
    throw refusal(
      "type",
      node,
      "a value should stand at the right",
      "write the field at the left, the value at the right",
    );
  }
  if (node.valueType !== type) {
    throw refusal(
      "type",
      node,
      `a value of type ${node.valueType}, and the field is ${type}`,
      `give one of type ${type}`,
    );
  }
  const reason = faultOf(node.value, type);
  if (reason !== undefined) throw refusal("range", node, reason, `give a value of type ${type}`);
  return node;
}

/** Why a constant is none of its type; undefined where it is one. */
function faultOf(constant: unknown, type: FieldType): string | undefined {
  if (type === "bool") return typeof constant === "boolean" ? undefined : "no bool";
  if (type === "double") return Number.isFinite(constant) ? undefined : "no finite number";
  if (type === "string") {
    if (typeof constant !== "string") return "no string";
    if (constant.includes("\0")) return "a NUL, which no string of an event has";
    return /\p{Surrogate}/u.test(constant) ? "half a character" : undefined;
  }
  const integer = exactInteger(constant);
  if (integer === undefined) return "no exact integer";
  if (type === "timestamp") return isTimestamp(integer) ? undefined : "not in the years 1 to 9999";
  const { min, max } = integerRange(type) as NonNullable<ReturnType<typeof integerRange>>;
  return integer >= min && integer <= max ? undefined : `out of the range of ${type}, ${min} to ${max}`;
}

function malformed(node: unknown): ExpressionError {
  const type = String((node as { type?: unknown } | null | undefined)?.type).slice(0, 40);
  return new ExpressionError("type", `a node of type ${JSON.stringify(type)}`, "give a tree of the documented types");
}

function refusal(code: ExpressionErrorCode, node: Expression, reason: string, remedy: string): ExpressionError {
  const position = positionOf(node);
  return new ExpressionError(code, reason, remedy, position, position === undefined ? node.type : undefined);
}
