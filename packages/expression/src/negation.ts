import type { Comparison, ComparisonOperator, Expression, Junction } from "./expression.js";

/** The operator that is true where this one is false, of values that have an order. */
export const oppositeComparison: Readonly<Record<ComparisonOperator, ComparisonOperator>> = {
  eq: "ne",
  ne: "eq",
  lt: "ge",
  le: "gt",
  gt: "le",
  ge: "lt",
};

/** An expression that is true where this one is false, with negations pushed down by one level. */
export function negated(node: Expression): Expression {
  switch (node.type) {
    case "not":
      return node.operand;
    case "and":
    case "or":
      return { type: node.type === "and" ? "or" : "and", operands: node.operands.map(negated) } satisfies Junction;
    case "isNull":
      return { type: "isNotNull", operand: node.operand };
    case "isNotNull":
      return { type: "isNull", operand: node.operand };
    case "eq":
    case "ne":
    case "lt":
    case "le":
    case "gt":
    case "ge":
      return { ...node, type: oppositeComparison[node.type] } satisfies Comparison;
    default:
      return { type: "not", operand: node };
  }
}

/** The parts of an expression that all have to be true. */
export function conjuncts(node: Expression): Expression[] {
  if (node.type === "and") return node.operands.flatMap(conjuncts);
  if (node.type === "not" && (node.operand.type === "or" || node.operand.type === "not")) {
    return conjuncts(negated(node.operand));
  }
  return [node];
}
