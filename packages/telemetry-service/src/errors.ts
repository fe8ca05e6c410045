/**
 * - `invalid`: what was asked for contradicts itself
 * - `in_use`: something else has the address
 * - `permission`: this process may not
 * - `closed`: the service was stopped
 * - `system`: something failed that should not; `cause` says what
 */
export type TelemetryServiceErrorCode = "invalid" | "in_use" | "permission" | "closed" | "system";

/** The one error class of this package. Its message reads `operation(subject): cause – remedy`. */
export class TelemetryServiceError extends Error {
  override readonly name = "TelemetryServiceError";
  readonly code: TelemetryServiceErrorCode;

  constructor(code: TelemetryServiceErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
