import { and, compare } from "@kernscope/expression";
import { identifiersOf } from "./identifiers.js";
import type { EventFilter, PlainFilter } from "./subscription-request.js";

/**
 * A condition on system calls that does not name `compat` is about the 64-bit ones. Beside one of the same kind that does,
 * it has to say so, as both may become parts of one.
 */
export function sayCompat(filters: readonly EventFilter[]): EventFilter[] {
  const kinds = new Set(filters.filter(namesCompat).map(({ kind }) => kind));
  return filters.map((filter) => {
    const { kind, where } = filter as PlainFilter;
    if (!kinds.has(kind) || where === undefined || namesCompat(filter)) return filter;
    const operands = where.type === "and" ? where.operands : [where];
    return { ...filter, where: and(compare("compat", "bool", "eq", false), ...operands) } as PlainFilter;
  });
}

function namesCompat(filter: EventFilter): boolean {
  if (filter.kind !== "syscall.enter" && filter.kind !== "syscall.exit") return false;
  return filter.where !== undefined && identifiersOf(filter.where).has("compat");
}
