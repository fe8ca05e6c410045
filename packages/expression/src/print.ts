import type { Comparison, ComparisonOperator, Expression, Value } from "./expression.js";
import { printValue } from "./literal.js";
import { printString } from "./string-literal.js";

/** The operators of comparisons as they are written. */
export const comparisonSigns: Readonly<Record<ComparisonOperator, string>> = {
  eq: "==",
  ne: "!=",
  lt: "<",
  le: "<=",
  gt: ">",
  ge: ">=",
};

/** How tightly a node binds, as in C: what stands in a tighter place gets parentheses. */
const Binding = { Or: 0, And: 1, Mask: 2, Comparison: 3, Unary: 4 } as const;
type Binding = (typeof Binding)[keyof typeof Binding];

/**
 * The text form of an expression: of one that is valid, {@link parse} makes the same tree again.
 */
export function print(expression: Expression): string {
  return printed(expression, Binding.Or);
}

function printed(node: Expression, place: Binding): string {
  const [text, binding] = render(node);
  return binding < place ? `(${text})` : text;
}

function render(node: Expression): [string, Binding] {
  switch (node.type) {
    case "identifier":
      return [/^[A-Za-z_]\w*$/.test(node.name) ? node.name : printString(node.name), Binding.Unary];
    case "value":
      return [printValue(node), Binding.Unary];
    case "or":
      return [node.operands.map((operand) => printed(operand, Binding.And)).join(" || "), Binding.Or];
    case "and":
      return [node.operands.map((operand) => printed(operand, Binding.Mask)).join(" && "), Binding.And];
    case "not":
      return [`!${printed(node.operand, Binding.Unary)}`, Binding.Unary];
    case "isNull":
      return [`${printed(node.operand, Binding.Unary)} is null`, Binding.Comparison];
    case "isNotNull":
      return [`${printed(node.operand, Binding.Unary)} is not null`, Binding.Comparison];
    case "bitwiseAnd":
      return [`${printed(node.left, Binding.Unary)} & ${right(node.right, true)}`, Binding.Mask];
    case "like":
      return [`${printed(node.left, Binding.Unary)} ~ ${right(node.right)}`, Binding.Comparison];
    default:
      return [comparison(node), Binding.Comparison];
  }
}

function comparison({ type, left, right: value }: Comparison): string {
  const isMasked = left.type === "bitwiseAnd";
  return `${printed(left, Binding.Unary)} ${comparisonSigns[type]} ${right(value, isMasked)}`;
}

function right(node: Expression | Value, asMask = false): string {
  return node.type === "value" ? printValue(node, asMask) : printed(node, Binding.Unary);
}
