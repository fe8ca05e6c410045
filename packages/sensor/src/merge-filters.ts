import { type Expression, limits, or } from "@kernscope/expression";
import { canonical } from "./canonical.js";
import type { ContainerEventFilter, EventFilter } from "./subscription-request.js";

/** Filters that differ in nothing but their conditions. */
interface Alike {
  rest: object;
  /** The fullest view that one of them asks for. */
  view: ContainerEventFilter["view"];
  /** `undefined`: one of them has no condition. */
  conditions: Expression[] | undefined;
}

/**
 * Filters that differ in nothing but their conditions become one: an event that passes several is delivered once. Where
 * the conditions are more than one expression may hold they become a few.
 */
export function mergeFilters(filters: readonly EventFilter[]): EventFilter[] {
  const merged = new Map<string, Alike>();
  for (const filter of filters) {
    const { where, view, ...rest } = filter as Partial<ContainerEventFilter>;
    const key = canonical(rest);
    const alike = merged.get(key) ?? { rest, view: undefined, conditions: [] };
    merged.set(key, alike);
    if (view !== undefined && alike.view !== "full") alike.view = view;
    if (where === undefined) alike.conditions = undefined;
    else alike.conditions?.push(where);
  }
  return [...merged.values()].flatMap(({ rest, view, conditions }) => {
    const common = { ...rest, ...(view !== undefined && { view }) };
    if (conditions === undefined) return [common as EventFilter];
    return unions(conditions).map((where) => ({ ...common, where }) as EventFilter);
  });
}

/** As few expressions as hold all the conditions. */
function unions(conditions: readonly Expression[]): Expression[] {
  const lists: [Expression, ...Expression[]][] = [];
  let nodes = Number.POSITIVE_INFINITY;
  for (const condition of conditions) {
    const more = countNodes(condition) + 1;
    if (nodes + more > limits.nodes) {
      lists.push([condition]);
      nodes = more;
    } else {
      lists.at(-1)!.push(condition);
      nodes += more;
    }
  }
  return lists.map((list) => or(...list));
}

/** Nodes as they count for the limit, roughly; of a tree that is too large, at least so many. */
function countNodes(expression: Expression, depth = 0): number {
  if (depth > limits.depth) return limits.nodes;
  if ("operands" in expression) {
    return expression.operands.reduce((sum, each) => sum + 1 + countNodes(each, depth + 1), 0);
  }
  if ("operand" in expression) return 1 + countNodes(expression.operand, depth + 1);
  if ("left" in expression) return 1 + countNodes(expression.left, depth + 1) + countNodes(expression.right, depth + 1);
  return 1;
}
