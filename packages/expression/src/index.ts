export { compile, type FieldLookup, type Predicate } from "./compile.js";
export { ExpressionError, type ExpressionErrorCode, type Span } from "./errors.js";
export { type ExplainedPart, explain } from "./explain.js";
export {
  and,
  type BitwiseAnd,
  type Comparison,
  type ComparisonOperator,
  compare,
  type Expression,
  type Identifier,
  identifier,
  type Junction,
  type Like,
  like,
  masked,
  type Not,
  type NullTest,
  not,
  or,
  type Value,
  value,
} from "./expression.js";
export type { FieldType, FieldTypes } from "./field-types.js";
export { compileGlob } from "./glob.js";
export { type KernelField, type KernelFilter, type KernelFilterOptions, toKernelFilter } from "./kernel-filter.js";
export { limits } from "./limits.js";
export { parse } from "./parse.js";
export { print } from "./print.js";
export { TextEnd } from "./text-end.js";
export { validate } from "./validate.js";
