/**
 * Why this package refused something:
 * - `unknown_kind`: there is no event kind of that name.
 * - `unknown_field`: the filter of that kind has no such field.
 * - `invalid_value`: a value is out of its field's range or of another type.
 * - `empty_subscription`: a subscription for nothing.
 */
export type TelemetryApiErrorCode = "unknown_kind" | "unknown_field" | "invalid_value" | "empty_subscription";

/** The one error of this package. Its message reads `operation(subject): cause – remedy`. */
export class TelemetryApiError extends Error {
  override readonly name = "TelemetryApiError";
  readonly code: TelemetryApiErrorCode;

  constructor(code: TelemetryApiErrorCode, operation: string, cause: string, remedy: string) {
    super(`${operation}: ${cause} – ${remedy}`);
    this.code = code;
  }
}
