import { and, compile, type Expression, type FieldTypes, or } from "@kernscope/expression";
import { identifiersOf } from "./identifiers.js";

/** Whether an expression says something of `id` that keeps most calls out: `id != 1` does not. */
export function limitsIds(where: Expression): boolean {
  switch (where.type) {
    case "and":
      return where.operands.some(limitsIds);
    case "or":
      return where.operands.every(limitsIds);
    case "eq":
    case "lt":
    case "le":
    case "gt":
    case "ge":
      return isId(where.left);
    default:
      return false;
  }
}

/** The ids that an expression can be true for; `undefined` where they are not a few that it names. */
export function pinnedIds(where: Expression): ReadonlySet<number> | undefined {
  switch (where.type) {
    case "and": {
      const sets = where.operands.map(pinnedIds).filter((set) => set !== undefined);
      const [first, ...others] = sets;
      return first && new Set([...first].filter((id) => others.every((other) => other.has(id))));
    }
    case "or": {
      const sets = where.operands.map(pinnedIds);
      if (sets.includes(undefined)) return undefined;
      return new Set(sets.flatMap((set) => [...set!]));
    }
    case "eq":
      if (!isId(where.left) || where.right.type !== "value") return undefined;
      return new Set([Number(where.right.value)]);
    default:
      return undefined;
  }
}

/** What is left of an expression where one of its fields has a certain value: `true` or `false` where that decides it. */
export function specialise(
  where: Expression,
  name: string,
  value: number | boolean,
  types: FieldTypes,
): Expression | boolean {
  switch (where.type) {
    case "and":
    case "or":
      return junction(where.type, where.operands, (operand) => specialise(operand, name, value, types));
    case "not": {
      const special = specialise(where.operand, name, value, types);
      return typeof special === "boolean" ? !special : { type: "not", operand: special };
    }
    default:
      return fieldOf(where) === name ? compile(where, types)(() => value) : where;
  }
}

/**
 * What of an expression can be said without some of its fields: it is true wherever the expression is, and elsewhere, too.
 * `true` where nothing can be said.
 */
export function weakened(where: Expression, unknown: ReadonlySet<string>): Expression | true {
  switch (where.type) {
    case "and":
    case "or":
      return junction(where.type, where.operands, (operand) => weakened(operand, unknown)) as Expression | true;
    default:
      return [...identifiersOf(where)].some((name) => unknown.has(name)) ? true : where;
  }
}

/** What is left of a junction when its operands are replaced. */
function junction(
  type: "and" | "or",
  operands: readonly Expression[],
  replace: (operand: Expression) => Expression | boolean,
): Expression | boolean {
  const isAnd = type === "and";
  const left: Expression[] = [];
  for (const operand of operands) {
    const replaced = replace(operand);
    if (typeof replaced !== "boolean") left.push(replaced);
    else if (replaced !== isAnd) return replaced;
  }
  const [first, ...others] = left;
  if (first === undefined) return isAnd;
  return isAnd ? and(first, ...others) : or(first, ...others);
}

/** The field that a single test is about. */
function fieldOf(test: Expression): string | undefined {
  if ("operand" in test) return fieldOf(test.operand);
  if ("left" in test) return fieldOf(test.left);
  return test.type === "identifier" ? test.name : undefined;
}

function isId(expression: Expression): boolean {
  return expression.type === "identifier" && expression.name === "id";
}
