import type { Expression } from "./expression.js";
import type { FieldTypes } from "./field-types.js";
import { type KernelFilterOptions, kernelParts } from "./kernel-filter.js";
import { print } from "./print.js";

/** One AND-part of an expression, and where it runs. */
export interface ExplainedPart {
  readonly expression: Expression;
  /** Its text form. */
  readonly text: string;
  /** In the kernel what fails costs nothing more; in the sensor it has become a record first. */
  readonly runs: "kernel" | "sensor";
  /** The kernel's text of it; undefined where it runs in the sensor. */
  readonly filter: string | undefined;
  /** Why it does not run in the kernel; undefined where it does. */
  readonly reason: string | undefined;
}

/**
 * Tells which part of an expression runs where, and why, as {@link toKernelFilter} cuts it.
 *
 * @throws ExpressionError as {@link toKernelFilter}
 */
export function explain(
  expression: Expression,
  types: FieldTypes,
  options: KernelFilterOptions = {},
): readonly ExplainedPart[] {
  return kernelParts(expression, types, options).map(({ expression, filter, reason }) => ({
    expression,
    text: print(expression),
    runs: filter === undefined ? "sensor" : "kernel",
    filter,
    reason,
  }));
}
