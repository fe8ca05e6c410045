import type { Expression } from "@kernscope/expression";

/** The fields that an expression names. */
export function identifiersOf(expression: Expression, found: Set<string> = new Set()): ReadonlySet<string> {
  if (expression.type === "identifier") found.add(expression.name);
  else if ("operands" in expression) for (const operand of expression.operands) identifiersOf(operand, found);
  else if ("operand" in expression) identifiersOf(expression.operand, found);
  else if ("left" in expression) {
    identifiersOf(expression.left, found);
    identifiersOf(expression.right, found);
  }
  return found;
}
