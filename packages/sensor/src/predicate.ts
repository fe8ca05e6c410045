import { compile, type Expression } from "@kernscope/expression";
import type { Predicate } from "./event-source.js";
import { type FieldTable, fieldTypes } from "./field-table.js";
import type { EventPayload } from "./payload.js";

/** A function that tells whether a payload's value passes a condition, which is valid for the fields. */
export function predicateOf(where: Expression, fields: FieldTable): Predicate {
  const test = compile(where, fieldTypes(fields));
  let current: EventPayload["value"];
  const lookup = (name: string) => fields[name]!.read(current);
  return (value) => {
    current = value;
    return test(lookup);
  };
}
