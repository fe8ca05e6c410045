/**
 * - `syntax`: the text is no expression
 * - `unknown_field`: there is no field of that name
 * - `type`: an operator does not go with what it is applied to
 * - `range`: a value is not one of its type
 * - `limit`: larger than {@link limits} allow
 */
export type ExpressionErrorCode = "syntax" | "unknown_field" | "type" | "range" | "limit";

/** A part of a text: offsets in UTF-16 units, `end` exclusive. Where the text ended too early both are its length. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** The one error class of this package. Its message reads `operation(subject): cause – remedy`. */
export class ExpressionError extends Error {
  override readonly name = "ExpressionError";
  readonly code: ExpressionErrorCode;
  /** Where in the text; undefined for a tree that was not made by `parse`. */
  readonly position: Span | undefined;
  /** What is wrong, in a few words. */
  readonly reason: string;
  /** How to mend it. */
  readonly remedy: string;

  constructor(code: ExpressionErrorCode, reason: string, remedy: string, position?: Span, subject?: string) {
    const where = [subject, position && `column ${position.start + 1}`].filter((part) => part !== undefined).join(", ");
    super(`expression(${where}): ${reason} – ${remedy}`);
    this.code = code;
    this.position = position && { start: position.start, end: position.end };
    this.reason = reason;
    this.remedy = remedy;
  }
}
