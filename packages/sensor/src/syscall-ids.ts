import { and, compile, type Expression, type FieldTypes, or } from "@kernscope/expression";

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

/** What is left of an expression for calls with a certain id: `true` or `false` where that decides it. */
export function specialise(where: Expression, id: number, types: FieldTypes): Expression | boolean {
  switch (where.type) {
    case "and":
    case "or": {
      const isAnd = where.type === "and";
      const left: Expression[] = [];
      for (const operand of where.operands) {
        const special = specialise(operand, id, types);
        if (typeof special !== "boolean") left.push(special);
        else if (special !== isAnd) return special;
      }
      const [first, ...others] = left;
      if (first === undefined) return isAnd;
      return isAnd ? and(first, ...others) : or(first, ...others);
    }
    case "not": {
      const special = specialise(where.operand, id, types);
      return typeof special === "boolean" ? !special : { type: "not", operand: special };
    }
    default:
      return isAboutId(where) ? compile(where, types)(() => id) : where;
  }
}

function isAboutId(test: Expression): boolean {
  if ("operand" in test) return isId(test.operand);
  if (!("left" in test)) return isId(test);
  return isId(test.left) || (test.left.type === "bitwiseAnd" && isId(test.left.left));
}

function isId(expression: Expression): boolean {
  return expression.type === "identifier" && expression.name === "id";
}
